"""The contents of a proven export: words, former words, deletions, reactions, files.

The rules of marks are docs/protocol.md's (M1 to M3), as devices judge them.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from copconnect.limits import CLOCK_LEEWAY_MS
from copconnect.records.conversation.message import MessageKind
from copconnect.records.conversation.roster import LeafRights
from copconnect.records.trust.trust import Trust
from copconnect.sealing.exported.archive import Archive
from copconnect.sealing.exported.contents import (
    Content,
    all_words_of,
    content_of,
    file_name,
    plain,
)
from copconnect.sealing.exported.verifying import Problem, ProvenLog, ProvenMessage

_EDITABLE_MS, _DELETABLE_MS, _MOST_EDITS = 3_600_000, 48 * 3_600_000, 4
_LASTING = {"order", "order_change", "exported"}
_UNSHOWN = {"mark", "state"}
_ISSUE = {
    "routine": LeafRights.ISSUE_ROUTINE,
    "urgent": LeafRights.ISSUE_URGENT,
    "flash": LeafRights.ISSUE_FLASH,
}
_Opened = tuple[ProvenMessage, Content]
_Mark = tuple[ProvenMessage, dict[str, Any]]

_LINK = re.compile(r"https://|(?<![\w.@-])www\.", re.IGNORECASE)


def tell(log: ProvenLog, archive: Archive) -> dict[str, Any]:
    """Return everything that a file proves, as JSON has it. Raises BadArchive."""
    decoded = _rightful(log.messages)
    marks = _marks(decoded)
    messages: list[dict[str, Any]] = []
    named = {file_name(pointer) for _, content in decoded for pointer in _pointers(content)}
    for name in log.files.values():
        if name not in named:
            reason = f"a file that no message names: {name}"
            log.problems.append(Problem(None, "file", reason))
    files = {one: name for one, name in log.files.items() if name in named}
    for one, content in decoded:
        if content.get("kind") in _UNSHOWN or one.header.kind >= MessageKind.EDIT:
            continue
        told = _message(log.trust, one, content, marks.get(one.header.message_id.hex(), []))
        told["files"] = [_file(archive, files, pointer) for pointer in _pointers(content)]
        for file in told["files"]:
            if file["state"] == "differs":
                reason = f"another file than the sender signed: {file['name']}"
                log.problems.append(Problem(one.position, "file", reason))
        messages.append(told)
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


def _rightful(messages: list[ProvenMessage]) -> list[_Opened]:
    """Return messages with their contents: orders and changes of orders are such by the leaves that
    sign them (O3)."""
    decoded = [(one, _content(one)) for one in messages]
    orders = {
        one.header.message_id.hex(): (one.leaf.person_id.hex(), content)
        for one, content in decoded
        if content.get("kind") == "order" and one.leaf.rights & _ISSUE[content["priority"]]
    }
    return [
        (one, content if _is_rightful(one, content, orders) else plain(content))
        for one, content in decoded
    ]


def _is_rightful(
    one: ProvenMessage, content: Content, orders: Mapping[str, tuple[str, Content]]
) -> bool:
    """A change counts with its order alone: without it nothing says who may write one."""
    if content.get("kind") == "order":
        return one.header.message_id.hex() in orders
    if content.get("kind") != "order_change":
        return True
    person_id = one.leaf.person_id.hex()
    issuer_id, order = orders.get(content["orderId"], ("", {}))
    if content["change"] == "withdrawn":
        return person_id == issuer_id or person_id in order.get("readers", [])
    return person_id == issuer_id and bool(one.leaf.rights & _ISSUE[order["priority"]])


def _marks(decoded: list[_Opened]) -> dict[str, list[_Mark]]:
    """Return the marks on each message, in the order of the log."""
    found: dict[str, list[_Mark]] = {}
    for mark, content in decoded:
        header = mark.header
        if header.kind >= MessageKind.EDIT:
            # The header says what a mark edits or deletes (R7), with a body or without.
            name = "edit" if header.kind == MessageKind.EDIT else "deletion"
            said = content.get("what", {}) | {"mark": name}
            found.setdefault(header.marked.hex(), []).append((mark, said))
        elif content.get("kind") == "mark":
            found.setdefault(content["messageId"], []).append((mark, content["what"]))
    return found


def _message(
    trust: Trust, one: ProvenMessage, content: Content, marks: list[_Mark]
) -> dict[str, Any]:
    edits = _edits(one, content, marks)
    words = [(_text(content), one.header.sent), *((text or "", sent) for text, sent in edits)]
    deletion = _deletion(one, content, marks)
    missing = one.plaintext is None or any(text is None for text, _ in edits[-1:])
    state = "withheld" if missing else "proven"
    return {
        "position": one.position,
        "message": one.header.message_id.hex(),
        "sender": _person(trust, one.leaf.person_id, one.header.sent),
        "device": one.header.sender.hex(),
        "signed_ms": one.header.sent,
        "server_ms": one.server_ms,
        "gap": one.gap,
        "state": state if deletion is None else "deleted",
        "deleted_by": deletion and _person(trust, deletion.leaf.person_id, deletion.header.sent),
        "deleted_ms": deletion and deletion.header.sent,
        "kind": content.get("kind"),
        "text": words[-1][0],
        "page": None if missing else _page(content),
        "former": [{"text": text, "signed_ms": sent} for text, sent in words[:-1]],
        "reactions": _reactions(marks),
        "evidence": _evidence(content),
    }


def _edits(
    one: ProvenMessage, content: Content, marks: list[_Mark]
) -> list[tuple[str | None, int]]:
    """Return the edits that count (M2), each with its time; None for words that the file lacks."""
    kind = content.get("kind")
    if kind not in {"text", "attachments"} or content.get("forwards"):
        return []
    found = [
        (what.get("text"), mark.header.sent)
        for mark, what in marks
        if what.get("mark") == "edit"
        and _counts(one, mark, _EDITABLE_MS)
        and (mark.plaintext is None or _rewords(kind, what.get("text")))
    ]
    return found[:_MOST_EDITS]


def _rewords(kind: object, text: object) -> bool:
    return isinstance(text, str) and (kind == "attachments" or bool(text.strip()))


def _deletion(one: ProvenMessage, content: Content, marks: list[_Mark]) -> ProvenMessage | None:
    """M3."""
    bodiless = one.plaintext is None and one.header.kind == MessageKind.KEPT
    if bodiless or content.get("kind") in _LASTING | _UNSHOWN:
        return None
    for mark, what in marks:
        after = mark.position > one.position
        admin = after and mark.leaf.may_administer
        if what.get("mark") == "deletion" and (admin or _counts(one, mark, _DELETABLE_MS)):
            return mark
    return None


def _counts(one: ProvenMessage, mark: ProvenMessage, within_ms: int) -> bool:
    """Return whether an author's mark counts, by the signed times alone: an exporter can change the
    server's. Phones count from the server's time, at most the leeway after the signed one (D1)."""
    until = one.header.sent + CLOCK_LEEWAY_MS + within_ms
    own = mark.leaf.person_id == one.leaf.person_id and mark.position > one.position
    return own and mark.header.sent <= until


def _reactions(marks: list[_Mark]) -> dict[str, list[str]]:
    """Return the people by reaction: the last reaction of each person counts (M1)."""
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


def _content(one: ProvenMessage) -> Content:
    """Return a message's content; {} for a deletion, whose header says everything."""
    if one.plaintext is None or one.header.kind == MessageKind.DELETION:
        return {}
    return content_of(one.plaintext)


def _text(content: Content) -> str:
    if content.get("kind") in {"order", "order_change"}:
        return "\n".join(all_words_of(content))
    return str(content.get("text") or content.get("question") or "")


def _page(content: Content) -> dict[str, str] | None:
    """Return the sender's words about the page of a link in it; None where it has no link that a
    phone would show them for."""
    page = content.get("page")
    if _LINK.search(str(content.get("text") or "")) is None:
        return None
    return page and {name: page[name] for name in ("title", "description")}


def _evidence(content: Content) -> dict[str, Any] | None:
    """Return what the sender of evidence says of it; None for other messages."""
    given = content.get("evidence")
    if given is None:
        return None
    # Its sender signed the SHA-256 of each file, or it is no evidence.
    if any(one["sha256"] is None for one in _pointers(content)):
        return None
    return {"phone": given["phone"], "made_ms": given["madeMs"], "place": given["place"]}


def _pointers(content: Content) -> Iterator[dict[str, Any]]:
    yield from content.get("attachments", [])
    if content.get("photo") is not None:
        yield content["photo"]


def _file(archive: Archive, files: dict[str, str], pointer: dict[str, Any]) -> dict[str, Any]:
    digest = None if pointer["sha256"] is None else pointer["sha256"].hex()
    name, size = files.get(pointer["id"]), pointer["size"]
    told = {"name": pointer["name"], "size": size, "sha256": digest}
    if name is None:
        return told | {"state": "missing"}
    found = hashlib.sha256()
    for block in archive.blocks(name):
        found.update(block)
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
