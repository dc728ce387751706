"""The contents of a proven export: words, former words, deletions, reactions, files.

The rules of marks are docs/protocol.md's (M1 to M3), as devices judge them.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import msgspec

from copconnect.records.conversation.message import MessageKind
from copconnect.records.trust.trust import Trust
from copconnect.sealing.exported.archive import Archive, BadArchive
from copconnect.sealing.exported.verifying import Problem, ProvenLog, ProvenMessage

_EDITABLE_MS, _DELETABLE_MS, _MOST_EDITS = 3_600_000, 48 * 3_600_000, 4
_KEPT = {"order", "order_change", "exported"}
_UNSHOWN = {"mark", "state"}
_Content = dict[str, Any]
_Mark = tuple[ProvenMessage, dict[str, Any]]


def tell(log: ProvenLog, archive: Archive) -> dict[str, Any]:
    """Return everything that a file proves, as JSON has it. Raises BadArchive."""
    decoded = [(one, _content(one)) for one in log.messages]
    marks = _marks(decoded)
    messages: list[dict[str, Any]] = []
    named = set[str]()
    files = {name[6:38]: name for name in archive.sizes if name.startswith("files/")}
    for one, content in decoded:
        pointers = list(_pointers(content))
        named |= {pointer["id"] for pointer in pointers}
        if content.get("kind") in _UNSHOWN or one.header.kind >= MessageKind.EDIT:
            continue
        told = _message(log.trust, one, content, marks.get(one.header.message_id.hex(), []))
        told["files"] = [_file(archive, files, pointer) for pointer in pointers]
        for file in told["files"]:
            if file["state"] == "differs":
                reason = f"another file than the sender signed: {file['name']}"
                log.problems.append(Problem(one.position, "file", reason))
        messages.append(told)
    for attachment_id in files:
        if attachment_id not in named:
            reason = f"a file that no message names: {attachment_id}"
            log.problems.append(Problem(None, "file", reason))
    manifest = log.manifest
    return {
        "conversation": manifest.conversation_id.hex(),
        "title": manifest.title,
        "exported_by": _person(log.trust, manifest.exported_by, manifest.made_ms),
        "made_ms": manifest.made_ms,
        "first": manifest.first,
        "last": manifest.last,
        "messages": messages,
        "gaps": [asdict(one) for one in log.gaps],
        "witnesses": [
            {"person": _person(log.trust, person_id, manifest.made_ms), "up_to": position}
            for person_id, position in log.witnesses.items()
        ],
        "problems": [asdict(one) for one in log.problems],
    }


def _marks(decoded: list[tuple[ProvenMessage, _Content]]) -> dict[str, list[_Mark]]:
    """Return the marks on each message, in the order of the log."""
    found: dict[str, list[_Mark]] = {}
    for mark, content in decoded:
        header, of, what = mark.header, content.get("messageId"), content.get("what")
        if header.kind >= MessageKind.EDIT:
            # The header says what a mark edits or deletes (R7), with a body or without.
            said = what if of == header.marked.hex() and isinstance(what, dict) else {}
            name = "edit" if header.kind == MessageKind.EDIT else "deletion"
            found.setdefault(header.marked.hex(), []).append((mark, said | {"mark": name}))
        elif (
            content.get("kind") == "mark"
            and isinstance(of, str)
            and isinstance(what, dict)
            and what.get("mark") not in {"edit", "deletion"}
        ):
            found.setdefault(of, []).append((mark, what))
    return found


def _message(
    trust: Trust, one: ProvenMessage, content: _Content, marks: list[_Mark]
) -> dict[str, Any]:
    edits = _edits(one, content, marks)
    words = [(_text(content), one.header.sent), *edits]
    deletion = _deletion(one, content, marks)
    state = "withheld" if one.plaintext is None else "proven"
    return {
        "position": one.position,
        "message": one.header.message_id.hex(),
        "sender": _person(trust, one.leaf.person_id, one.header.sent),
        "device": one.header.sender.hex(),
        "signed_ms": one.header.sent,
        "server_ms": one.server_ms,
        "state": state if deletion is None else "deleted",
        "deleted_by": deletion and _person(trust, deletion.leaf.person_id, deletion.header.sent),
        "deleted_ms": deletion and deletion.header.sent,
        "kind": content.get("kind"),
        "text": words[-1][0],
        "former": [{"text": text, "signed_ms": sent} for text, sent in words[:-1]],
        "reactions": _reactions(marks),
        "evidence": _evidence(content),
    }


def _edits(one: ProvenMessage, content: _Content, marks: list[_Mark]) -> list[tuple[str, int]]:
    """M2."""
    kind = content.get("kind")
    if kind not in {"text", "attachments"} or content.get("forwards"):
        return []
    found = [
        ("" if mark.plaintext is None else str(what["text"]), mark.header.sent)
        for mark, what in marks
        if what.get("mark") == "edit"
        and _counts(one, mark, _EDITABLE_MS)
        and (mark.plaintext is None or _rewords(kind, what.get("text")))
    ]
    return found[:_MOST_EDITS]


def _rewords(kind: object, text: object) -> bool:
    return isinstance(text, str) and (kind == "attachments" or bool(text.strip()))


def _deletion(one: ProvenMessage, content: _Content, marks: list[_Mark]) -> ProvenMessage | None:
    """M3."""
    bodiless = one.plaintext is None and one.header.kind == MessageKind.KEPT
    if bodiless or content.get("kind") in _KEPT | _UNSHOWN:
        return None
    for mark, what in marks:
        after = mark.position > one.position
        admin = after and mark.leaf.may_administer
        if what.get("mark") == "deletion" and (admin or _counts(one, mark, _DELETABLE_MS)):
            return mark
    return None


def _counts(one: ProvenMessage, mark: ProvenMessage, within_ms: int) -> bool:
    until = one.server_ms + within_ms
    own = mark.leaf.person_id == one.leaf.person_id and mark.position > one.position
    return own and mark.server_ms <= until and mark.header.sent <= until


def _reactions(marks: list[_Mark]) -> dict[str, list[str]]:
    """M1: the last one of each person."""
    last = {
        mark.leaf.person_id.hex(): what.get("emoji")
        for mark, what in marks
        if what.get("mark") == "reaction"
    }
    found: dict[str, list[str]] = {}
    for person_id, emoji in last.items():
        if isinstance(emoji, str):
            found.setdefault(emoji, []).append(person_id)
    return found


def _content(one: ProvenMessage) -> _Content:
    if one.plaintext is None:
        return {}
    try:
        found = msgspec.msgpack.decode(one.plaintext)
    except (msgspec.DecodeError, ValueError, RecursionError, MemoryError):
        return {}
    return found if isinstance(found, dict) and found.get("v") == 1 else {}


def _text(content: _Content) -> str:
    if content.get("kind") in {"order", "order_change"}:
        parts = [content.get("title"), content.get("text")]
    else:
        parts = [content.get("text") or content.get("question")]
    return "\n".join(part for part in parts if isinstance(part, str) and part)


def _evidence(content: _Content) -> dict[str, Any] | None:
    """Return what the sender of evidence says of it; None for other messages."""
    given = content.get("evidence")
    if content.get("kind") != "attachments" or not isinstance(given, dict):
        return None
    # Its sender signed the SHA-256 of each file, or it is no evidence.
    if not all(isinstance(one.get("sha256"), bytes) for one in _pointers(content)):
        return None
    place = given.get("place")
    made_ms = given.get("madeMs")
    return {
        "phone": str(given.get("phone", "")),
        "made_ms": made_ms if isinstance(made_ms, int) else None,
        "place": {name: place.get(name) for name in ("lat", "lon", "accuracyM")}
        if isinstance(place, dict)
        and all(isinstance(place.get(name), int | float) for name in ("lat", "lon", "accuracyM"))
        else None,
    }


def _pointers(content: _Content) -> Iterator[dict[str, Any]]:
    given = content.get("attachments")
    for one in given if isinstance(given, list) else [content.get("photo")]:
        if (
            isinstance(one, dict)
            and isinstance(one.get("id"), str)
            and isinstance(one.get("size"), int)
        ):
            yield one


def _file(archive: Archive, files: dict[str, str], pointer: dict[str, Any]) -> dict[str, Any]:
    signed = pointer.get("sha256")
    digest = signed.hex() if isinstance(signed, bytes) else None
    name = files.get(pointer["id"])
    size = pointer.get("size")
    told = {"name": str(pointer.get("name", "")), "size": size, "sha256": digest}
    if name is None:
        return told | {"state": "missing"}
    found = hashlib.sha256()
    try:
        for block in archive.blocks(name):
            found.update(block)
    except BadArchive:
        return told | {"state": "differs"}
    same = archive.sizes[name] == size and digest in (None, found.hexdigest())
    state = "proven" if digest else "unsigned"
    return told | {"state": state if same else "differs"}


def _person(trust: Trust, person_id: bytes, at_ms: int) -> dict[str, str]:
    """Return a person as the card of the time signs it."""
    cards = trust.cards.get(person_id, [])
    card = next(
        (one for one in reversed(cards) if one.created <= at_ms), cards[0] if cards else None
    )
    said = {"person": person_id.hex(), "name": "", "rank": "", "post": "", "unit": ""}
    if card is None:
        return said
    parts = {"name": card.names, "rank": card.rank, "post": card.post, "unit": card.unit}
    for part, words in parts.items():
        known = dict(words)
        said[part] = known.get("Latn") or next(iter(known.values()), "")
    return said
