"""``copconnect conversations verify``: conversations that members exported."""

import json
import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from copconnect.commands.options import Data, console, stop
from copconnect.commands.verifying.files import Keys, root_fingerprint, root_key
from copconnect.core_program import CoreFailed, CoreMissing, CoreRefused, started

_SHOWN = 20  # Problems and gaps that are printed.
_INVALID = "export_invalid"
_CONFIRMING = 2  # One at least is not the exporter.
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_WHY = {
    "not_chosen": "the exporter did not choose them",
    "not_opened": "the exporter's phone could not open them",
    "not_shown": "the exporter's phone does not show them",
    "refused": "the exporter's phone refused them",
}


def verify(
    file: Annotated[Path, typer.Argument(help="A ZIP that the app exported.")],
    data: Data = None,
    keys: Keys = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print everything that is proven, as JSON alone.")
    ] = False,
) -> None:
    """Verify an exported conversation, without network or database.

    Says which parts are proven, and which are not. Ends with 1 where something in the file does
    not hold.
    """
    root = root_key(data, keys)
    if not file.is_file():
        raise stop(f"This cannot be read: {file}.")
    # A separate process, the app's own core: no code of the server can open content.
    try:
        with started() as ask:
            # A name of a file is bytes, and not always UTF-8.
            told = ask("exported.verify", os.fsencode(file.absolute()), root)
    except (CoreMissing, CoreFailed) as error:
        raise stop(f"This cannot be verified: {_printable(str(error))}.") from error
    except CoreRefused as error:
        reason = _printable(str(error))
        if error.code != _INVALID:
            raise stop(f"This cannot be verified: {reason}.") from error
        if as_json:
            print(json.dumps({"failed": reason}))
        raise stop(f"This is no exported conversation, or it is damaged: {reason}.") from error
    found = json.loads(told)
    if as_json:
        print(told)
    if not as_json:
        console.print(f"SHA-256 of the root certificate: {root_fingerprint(data, keys)}")
        for line in _words(found):
            console.print(_printable(line), markup=False, highlight=False, soft_wrap=True)
    if found["problems"]:
        raise typer.Exit(1)


def _printable(text: str) -> str:
    """Without line ends, escapes and marks of direction: the exporter's words look like no line
    of this command. Joiners belong to words."""
    return "".join(
        "\ufffd" if unicodedata.category(c) in _HIDDEN and c not in "\u200c\u200d" else c
        for c in text
    )


def _words(found: dict[str, Any]) -> Iterator[str]:
    first, last = found["first"], found["last"]
    by = _name(found["exporter"])
    yield f"Conversation {found['conversationId']}, positions {first:,} to {last:,} of its log."
    yield f"SHA-256 of the file: {found['sha256']}"
    states = Counter(one["state"] for one in found["messages"])
    senders = {one["sender"]["personId"] for one in found["messages"]}
    yield f"Proven: {states['proven']:,} messages, each signed by a device of its sender."
    yield f"Senders, as the department's signed cards name them: {len(senders):,}."
    if states["deleted"]:
        yield f"Deleted by their authors or an admin, with signatures: {states['deleted']:,}."
    if states["withheld"]:
        yield (
            f"Signed, but the server or the exporter left out their words: {states['withheld']:,}."
        )
    files = Counter(file["state"] for one in found["messages"] for file in one["files"])
    if files:
        yield (
            f"Files: {files['proven']:,} are those that were signed, {files['missing']:,} are not"
            f" in the export, {files['unsigned']:,} without a signed hash."
        )
    for one in found["witnesses"]:
        name = _name(one["person"])
        yield f"That nothing is missing or moved up to position {one['upTo']:,}: signed by {name}."
    confirmed = len(found["witnesses"]) >= _CONFIRMING
    if not confirmed:
        by_whom = "one person, who may be the exporter" if found["witnesses"] else "nobody"
        yield f"The order is confirmed by {by_whom}: messages may be missing or moved."
    if after := sum(one["gap"] for one in found["messages"]):
        yield f"Not proven in the file, the sender's message before: of {after:,} messages."
    for gap in found["gaps"][:_SHOWN]:
        yield (
            f"Positions {gap['from']:,} to {gap['to']:,} are there by their hashes alone:"
            f" {_WHY[gap['why']]}, as the exporter says."
        )
    yield from _more(found["gaps"])
    yield "Not proven, because nobody signs it:"
    yield f"- that “{found['title']}” is its name, and that {by} exported it {_time(found)};"
    before = "" if first == 1 else f" before position {first:,} or"
    yield f"- that there is nothing{before} after position {last:,};"
    yield "- that clocks of senders' devices were right, and when the server took a message;"
    if files["unsigned"]:
        yield f"- that {files['unsigned']:,} files without a signed hash are those that were sent;"
    yield "- that no device had been reported lost, where the exporter left that record out."
    for one in found["problems"][:_SHOWN]:
        at = "The file" if one["at"] is None else f"Position {one['at']:,}"
        yield f"DOES NOT HOLD: {at}: {one['rule']}: {one['reason']}"
    yield from _more(found["problems"])
    if not found["problems"]:
        yield (
            "Everything in the file holds."
            if confirmed and not files["unsigned"]
            else "Every signature in the file holds, but not everything in it is confirmed."
        )


def _more(listed: list[Any]) -> Iterator[str]:
    if len(listed) > _SHOWN:
        yield f"… and {len(listed) - _SHOWN:,} more"


def _name(person: dict[str, Any]) -> str:
    return str(person["names"]["en"] or person["personId"])


def _time(found: dict[str, Any]) -> str:
    return f"on {datetime.fromtimestamp(found['madeMs'] / 1000, UTC):%d %B %Y, %H:%M} UTC"
