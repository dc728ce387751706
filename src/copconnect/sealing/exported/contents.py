"""The content of a message, as the app decodes it (client/src/kinds). Pure.

The bytes come from another device. A content that does not fit its kind whole is none, for this
module as for the app, so that both verifiers show the same words.
"""

import hashlib
import unicodedata
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import msgspec

from copconnect.limits import (
    LINK_DESCRIPTION,
    LINK_PICTURE_BYTES,
    LINK_TITLE,
    MAX_ATTACHMENT_BYTES,
    ORDER_CHOICES,
    ORDER_ITEMS,
    ORDER_READERS,
    ORDER_UNITS,
    REMINDERS,
)
from copconnect.records.conversation.message import NOTHING, MessageHeader, MessageKind
from copconnect.records.primitives.fields import tag, uint

Content = dict[str, Any]
_Read = Callable[[Any], Any]

_TEXT, _NAME, _UNIT, _FILES, _MENTIONS, _ITEMS = 16_384, 255, 64, 32, 256, 200
_TITLE = 160
_LANGUAGES = ("en", "te", "ur", "hi")
_WHOLE = (1 << 53) - 1
_KEPT = {"order", "order_change", "exported", "state", "mark", "own"}
_ATTACHMENT_LABEL = tag("copconnect attachment id v1")
_JOINERS = "\u200c\u200d"
_KEY_BYTES = _HASH_BYTES = 32


class _Misshapen(Exception):
    """A field that does not fit."""


def content_of(plaintext: bytes) -> Content:
    """Return the fields of a content that this version knows; {} for any other bytes."""
    try:
        found = msgspec.msgpack.decode(plaintext)
        _require(isinstance(found, dict) and type(found.get("v")) in (int, float))
        kind = found.get("kind")
        _require(found["v"] == 1 and isinstance(kind, str) and kind in _KINDS)
        _require_names(found)
        content = {"kind": kind} | _fields(found, _KINDS[kind])
        if kind in {"order", "order_change"}:
            _check_wordings(content)
        return content
    except (_Misshapen, msgspec.DecodeError, ValueError, RecursionError, MemoryError):
        return {}


def is_declared(header: MessageHeader, content: Content) -> bool:
    """Return whether a content is of the kind that its header says (R7)."""
    kind = content.get("kind")
    if kind is None:
        return header.kind <= MessageKind.KEPT
    said, marked = MessageKind.KEPT if kind in _KEPT else MessageKind.PLAIN, NOTHING
    mark = content["what"]["mark"] if kind == "mark" else ""
    if mark in {"edit", "deletion"}:
        said = MessageKind.EDIT if mark == "edit" else MessageKind.DELETION
        marked = bytes.fromhex(content["messageId"])
    return (header.kind, header.marked) == (said, marked)


def plain(content: Content) -> Content:
    """Return an order that is none, or a change of one, as the plain message that phones show."""
    said_last = (content["reference"], content.get("reason", ""))
    words = "\n".join(one for one in (*texts_of(content), *said_last) if one)
    said: Content = {"text": _cut(words, _TEXT), "mentions": [], "replyTo": None, "forwards": 0}
    files = content["attachments"]
    if not files:
        return {"kind": "text", **said}
    return {"kind": "attachments", **said, "attachments": files, "evidence": None}


def texts_of(content: Content) -> list[str]:
    """Return the titles and texts of an order, or of a change of one, in all its languages."""
    return [one[name] for one in _wordings(content) for name in ("title", "text")]


def all_words_of(content: Content) -> list[str]:
    """Return all that a person wrote in an order, or in a change of one, in all its languages:
    choices and the checklist too, because acknowledgements name them by their places."""
    said = [
        part
        for one in _wordings(content)
        for part in (one["title"], one["text"], *one.get("choices", ()), *one.get("items", ()))
    ]
    return [part for part in (*said, content["reference"], content.get("reason", "")) if part]


def file_name(pointer: Mapping[str, Any]) -> str:
    """Return the name of an attachment's file in an export."""
    ending = pointer["name"].lower().rpartition(".")
    ordinary = ending[1] and 1 <= len(ending[2]) <= 8
    ordinary = ordinary and all(one in "abcdefghijklmnopqrstuvwxyz0123456789" for one in ending[2])
    return f"files/{pointer['id']}" + (f".{ending[2]}" if ordinary else "")


# --- Fields -------------------------------------------------------------------------------------


def _require(holds: object) -> None:
    if not holds:
        raise _Misshapen


def _require_names(value: object) -> None:
    """Maps have names alone as keys, as the app's decoder has it."""
    if isinstance(value, dict):
        for name, one in value.items():
            _require(type(name) in (str, int, float) and name != "__proto__")
            _require_names(one)
    elif isinstance(value, list):
        for one in value:
            _require_names(one)


def _fields(value: object, reads: Mapping[str, _Read]) -> Content:
    if not isinstance(value, dict):
        raise _Misshapen
    return {name: read(value.get(name)) for name, read in reads.items()}


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _cut(text: str, most: int) -> str:
    units = text.encode("utf-16-le", "surrogatepass")[: 2 * most]
    return units.decode("utf-16-le", "surrogatepass")


def _string(most: int) -> _Read:
    def read(value: object) -> str:
        if not isinstance(value, str) or _units(value) > most:
            raise _Misshapen
        return value

    return read


def _number(least: float, most: float) -> _Read:
    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _Misshapen
        _require(least <= value <= most)
        return value

    return read


def _integer(most: int) -> _Read:
    def read(value: object) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if type(value) is not int or not 0 <= value <= most:
            raise _Misshapen
        return value

    return read


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise _Misshapen
    return value


def _bytes(most: int, least: int = 0) -> _Read:
    def read(value: object) -> bytes:
        if not isinstance(value, bytes) or not least <= len(value) <= most:
            raise _Misshapen
        return value

    return read


def _id(value: object) -> str:
    if not isinstance(value, str) or len(value) != 32:
        raise _Misshapen
    _require(all(one in "0123456789abcdef" for one in value))
    return value


def _one_of(*names: str) -> _Read:
    def read(value: object) -> object:
        _require(isinstance(value, str) and value in names)
        return value

    return read


def _nullable(read: _Read) -> _Read:
    return lambda value: None if value is None else read(value)


def _list(most: int, read: _Read) -> _Read:
    def every(value: object) -> list[Any]:
        if not isinstance(value, list) or len(value) > most:
            raise _Misshapen
        return [read(one) for one in value]

    return every


def _record(**reads: _Read) -> _Read:
    return lambda value: _fields(value, reads)


def _seen(text: str) -> str:
    """Leave out characters that hide another."""
    hidden = {"Cc", "Cf", "Zl", "Zp"}
    kept = (c for c in text if c in _JOINERS or unicodedata.category(c) not in hidden)
    return "".join(kept).strip()


def _line(most: int, otherwise: str = "") -> _Read:
    return lambda value: _seen(_string(most)(value)) or otherwise


def _attachment(value: object) -> Content:
    found = _fields(value, _POINTER)
    named = hashlib.sha256(_ATTACHMENT_LABEL + found["key"] + uint(found["size"])).digest()[:16]
    _require(found["id"] == named.hex())
    return found


def _emoji(value: object) -> str:
    """Signs and what joins them, never letters. (The app also counts that it is one sign.)"""
    text: str = _string(24)(value)
    signs = all(
        not c.isascii()
        and (c in "\u200d\ufe0f" or unicodedata.category(c) in {"So", "Sk", "Sm", "Po", "Pd", "Cn"})
        for c in text
    )
    _require(text and signs)
    return text


def _choices(value: object) -> list[int]:
    found: list[int] = _list(12, _integer(11))(value)
    _require(all(one < after for one, after in pairwise(found)))
    return found


def _stated(value: object) -> Content:
    """A mark; one that does not fit states nothing."""
    try:
        mark = _string(16)(value.get("mark") if isinstance(value, dict) else None)
        _require(mark in _MARKS)
        return {"mark": mark} | _fields(value, _MARKS[mark])
    except _Misshapen:
        return {"mark": "unreadable"}


def _mention(value: object) -> Content:
    """A place of a text that calls a person, a post, a rank or everybody."""
    if not isinstance(value, dict):
        raise _Misshapen
    at = _fields(value, {"start": _integer(_TEXT), "length": _integer(_TEXT)})
    if "post" in value:
        return at | _fields(value, {"post": _word, "unitId": _nullable(_string(_UNIT))})
    if "rank" in value:
        return at | _fields(value, {"rank": _word})
    if value.get("everybody") is True:
        return at | {"everybody": True}
    return at | _fields(value, {"personId": _id})


def _word(value: object) -> str:
    word: str = _string(_NAME)(value)
    _require(word)
    return word


def _series(value: object) -> Content:
    found = _fields(value, {"of": _integer(ORDER_UNITS), "id": _id, "at": _integer(ORDER_UNITS)})
    _require(found["at"] < found["of"])
    return found


def _wordings(content: Content) -> list[Content]:
    """The words of the first language, and those of the others."""
    return [content, *content["translations"]]


def _check_wordings(content: Content) -> None:
    """No language twice, all texts within the limit of one, and every choice and item in each."""
    all_words = _wordings(content)
    _require(len({one["language"] for one in all_words}) == len(all_words))
    _require(sum(_units(one["text"]) for one in all_words) <= _TEXT)
    for name in ("choices", "items"):
        _require(len({len(one.get(name, ())) for one in all_words}) == 1)


def _options(value: object) -> list[str]:
    found: list[str] = _list(12, _string(120))(value)
    _require(len(found) >= 2)
    return found


def _item(value: object) -> Content | None:
    """A personal item; None for a later version's."""
    if not isinstance(value, dict):
        raise _Misshapen
    name = value.get("name")
    if not isinstance(name, str) or name not in _OWN_ITEMS:
        return None
    said = _string(40) if name == "folder" else _integer(_WHOLE)
    reads = {"of": _id, "part": _nullable(_id), "changes": _integer(10**9)}
    return {"name": name} | _fields(value, {**reads, "value": _nullable(said)})


_POINTER: dict[str, _Read] = {
    "kind": _one_of("image", "audio", "voice", "video", "document"),
    "key": _bytes(_KEY_BYTES, _KEY_BYTES),
    "size": _integer(MAX_ATTACHMENT_BYTES),
    "id": _id,
    "name": _line(_NAME, "file"),
    "mime": _string(_NAME),
    "width": _nullable(_integer(10**6)),
    "height": _nullable(_integer(10**6)),
    "durationMs": _nullable(_integer(10**9)),
    "thumb": _nullable(_bytes(4_096)),
    "waveform": _nullable(_list(512, _number(0, 100))),
    "sha256": _nullable(_bytes(_HASH_BYTES, _HASH_BYTES)),
}
_mentions = _list(_MENTIONS, _mention)
_reply = _record(messageId=_id, personId=_id, preview=_string(1_024), conversationId=_nullable(_id))
_place = _record(lat=_number(-90, 90), lon=_number(-180, 180), accuracyM=_number(0, 10**6))
_files = _list(_FILES, _attachment)
_page = _record(
    title=_line(LINK_TITLE),
    description=_line(LINK_DESCRIPTION),
    picture=_nullable(_bytes(LINK_PICTURE_BYTES)),
)
_SAID: dict[str, _Read] = {
    "text": _string(_TEXT),
    "mentions": _mentions,
    "replyTo": _nullable(_reply),
    "forwards": _integer(255),
}
_AT: dict[str, _Read] = {
    "latitude": _number(-90, 90),
    "longitude": _number(-180, 180),
    "accuracyM": _nullable(_number(0, 10**8)),
    "takenMs": _integer(_WHOLE),
}
_MARKS: dict[str, dict[str, _Read]] = {
    "vote": {"choices": _choices},
    "ballot": {"seals": _list(16, _bytes(1_400))},
    "accept": {"answerId": _nullable(_id)},
    "edit": {"text": _string(_TEXT), "mentions": _mentions},
    "reaction": {"emoji": _nullable(_emoji)},
    "pin": {"pinned": _boolean},
    "deletion": {},
    "close": {},
    "totals": {"counts": _list(12, _integer(10**6)), "ballots": _integer(10**6)},
}
_OWN_ITEMS = {
    *("star", "gone", "cleared", "archived", "unread"),
    *("pinned", "blocked", "folder", "filed"),
}
_WORDING: dict[str, _Read] = {
    "language": _one_of(*_LANGUAGES),
    "title": _string(_TITLE),
    "text": _string(_TEXT),
}
_ORDER_WORDING = _WORDING | {
    "choices": _list(ORDER_CHOICES, _string(80)),
    "items": _list(ORDER_ITEMS, _string(160)),
}
_KINDS: dict[str, dict[str, _Read]] = {
    "text": _SAID | {"page": _nullable(_page)},
    "attachments": _SAID
    | {
        "attachments": _files,
        "evidence": _nullable(
            _record(
                madeMs=_nullable(_integer(_WHOLE)), phone=_string(_NAME), place=_nullable(_place)
            )
        ),
    },
    "location": _AT | {"replyTo": _nullable(_reply), "forwards": _integer(255)},
    "live": _AT | {"untilMs": _integer(_WHOLE)},
    "poll": {
        "question": _string(300),
        "options": _options,
        "multiple": _boolean,
        "anonymous": _boolean,
        "endsMs": _nullable(_integer(_WHOLE)),
    },
    "mark": {"messageId": _id, "what": _stated},
    "question": {"text": _string(_TEXT), "mentions": _mentions},
    "order": _ORDER_WORDING
    | {
        "translations": _list(len(_LANGUAGES) - 1, _record(**_ORDER_WORDING)),
        "reference": _string(80),
        "priority": _one_of("routine", "urgent", "flash"),
        "validUntilMs": _nullable(_integer(_WHOLE)),
        "answers": _boolean,
        "photo": _boolean,
        "readers": _list(ORDER_READERS, _id),
        "remindMinutes": _list(REMINDERS, _integer(43_200)),
        "escalateMinutes": _nullable(_integer(43_200)),
        "escalateBelow": _integer(100),
        "mentions": _mentions,
        "attachments": _files,
        "series": _nullable(_series),
    },
    "order_change": _WORDING
    | {
        "translations": _list(len(_LANGUAGES) - 1, _record(**_WORDING)),
        "orderId": _id,
        "change": _one_of("corrected", "withdrawn"),
        "asksAgain": _boolean,
        "reference": _string(80),
        "reason": _string(_NAME),
        "attachments": _files,
    },
    "exported": {
        "first": _integer(_WHOLE),
        "last": _integer(_WHOLE),
        "messages": _integer(_WHOLE),
        "files": _boolean,
        "sha256": _bytes(_HASH_BYTES, _HASH_BYTES),
    },
    "state": {
        "version": _integer(_WHOLE),
        "title": _string(_NAME),
        "photo": _nullable(_attachment),
        "description": _string(500),
    },
    "own": {"items": _list(_ITEMS, _item)},
}
