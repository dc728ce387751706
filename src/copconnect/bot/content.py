"""Contents of messages, as the core hands them over and takes them (client/src/kinds). The core
checks every length that it reads and writes; these are the shapes alone. Pure.
"""

import mimetypes
import re
import unicodedata
from collections.abc import Sequence
from typing import Literal

import msgspec

from copconnect.ids import AttachmentId, MessageId, PersonId, UnitId

MAX_NAME = 255
_JOINERS = "\u200c\u200d"  # They belong to words in Indian scripts.


class _BotContent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of contents: fields that a program does not need are left out."""


class Mention(_BotContent, frozen=True, kw_only=True, omit_defaults=True):
    """Whom a text calls, and where it does; positions in UTF-16 units. One of: a person; the
    holders of a post, in one unit or in all; the people of a rank; everybody. Post and rank are
    as person cards sign them."""

    start: int
    length: int
    person_id: PersonId | None = None
    post: str | None = None
    unit_id: UnitId | None = None
    rank: str | None = None
    everybody: bool = False


class Pointer(_BotContent, frozen=True, kw_only=True):
    """An encrypted attachment. ``size``: plaintext bytes; ``key``: 32 bytes."""

    id: AttachmentId
    name: str
    mime: str
    size: int
    key: bytes


Language = Literal["en", "te", "ur", "hi"]


class Translation(_BotContent, frozen=True, kw_only=True):
    """The words of an order in one more language, with as many choices and items."""

    language: Language
    title: str
    text: str
    choices: list[str] = []
    items: list[str] = []


class Order(_BotContent, frozen=True, kw_only=True):
    """An order: a message that asks for an acknowledgement. ``language``: that of ``title`` and
    ``text``; ``translations``: the same in others, of which each reader sees one. ``choices``:
    texts, of which an acknowledgement names one by its place from 1; ``items``: the checklist, of
    which each person says what is done; ``answers``: it asks for a short text, which an order with
    a checklist does not, and which ``readers`` read beside the issuer; ``photo``: it asks for one
    as proof, which the same people see; a bot cannot send one. ``valid_until_ms``: acknowledgements
    signed later do not count. Minutes: when people who owe an acknowledgement are woken again, and
    when heads of units are below which fewer than ``escalate_below`` percent have acknowledged."""

    title: str
    text: str
    language: Language = "en"
    translations: list[Translation] = []
    reference: str = ""
    priority: Literal["routine", "urgent", "flash"] = "routine"
    valid_until_ms: int | None = None
    choices: list[str] = []
    items: list[str] = []
    answers: bool = False
    photo: bool = False
    readers: list[PersonId] = []
    remind_minutes: list[int] = []
    escalate_minutes: int | None = None
    escalate_below: int = 50
    mentions: list[Mention] = []


class LinkedPage(_BotContent, frozen=True, kw_only=True):
    """The words of the sender's phone about the page of the text's first link."""

    title: str
    description: str


class ShownContent(_BotContent, frozen=True, kw_only=True):
    """The part of a text, of files or of an order that a message shows."""

    kind: Literal["text", "attachments", "order"]
    text: str
    mentions: list[Mention] = []
    attachments: list[Pointer] = []
    page: LinkedPage | None = None


class MarkContent(_BotContent, frozen=True, kw_only=True):
    """A mark on a message: "deletion", "edit" or "reaction", or one that no handler reads."""

    mark: str
    message_id: MessageId
    text: str = ""
    mentions: list[Mention] = []
    emoji: str | None = None


def mark_of(mark: msgspec.Raw) -> MarkContent | None:
    """Return the mark that a message carries; None: the message is no mark."""
    return msgspec.msgpack.decode(mark, type=MarkContent | None)


def decode(content: msgspec.Raw) -> tuple[ShownContent, Order | None] | None:
    """Return what a message says, and the order that it is; None: nothing that a handler reads."""
    found = msgspec.msgpack.decode(content, type=ShownContent | None)
    if found is None:
        return None
    order = msgspec.msgpack.decode(content, type=Order) if found.kind == "order" else None
    return found, order


def text_of(
    text: str, files: list[dict[str, object]], mentions: Sequence[Mention] = ()
) -> dict[str, object]:
    """Return a text, perhaps with files, as the core takes it."""
    said = {"text": text, "mentions": msgspec.to_builtins(mentions)}
    return {"kind": "attachments", **said, "files": files} if files else {"kind": "text", **said}


def order_of(order: Order) -> dict[str, object]:
    """Return an order as the core takes it."""
    return {"kind": "order", **msgspec.to_builtins(order), "attachments": []}


def file_of(name: str, data: bytes, mime: str | None) -> dict[str, object]:
    """Return a file as the core takes it."""
    found = mime or mimetypes.guess_type(name)[0] or "application/octet-stream"
    # Pictures and sounds are shown by what a phone measured of them: a bot measures nothing.
    return {"kind": "document", "name": safe_name(name), "mime": found, "data": data}


def safe_name(name: str) -> str:
    """Return a file's name without folders, control characters, and characters that turn the
    direction of reading."""
    last = re.split(r"[/\\\\]", name)[-1]
    kept = [
        one
        for one in last
        if one in _JOINERS or unicodedata.category(one) not in {"Cc", "Cf", "Zl", "Zp", "Cs"}
    ]
    return "".join(kept).strip()[:MAX_NAME].lstrip(".") or "file"
