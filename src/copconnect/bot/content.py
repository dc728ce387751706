"""A message's content: ``{v: 1, kind, …}`` in MessagePack (docs/protocol.md, "Message content").

Bytes come from other devices: every length is bounded, and what does not fit is ``None``, which a
bot shows to no handler. Pure.
"""

import hashlib
import mimetypes
import re
import unicodedata
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from copconnect.ids import AttachmentId, MessageId, PersonId
from copconnect.limits import MAX_ATTACHMENT_BYTES, ORDER_CHOICES, ORDER_READERS, REMINDERS
from copconnect.records.primitives.fields import tag, uint
from copconnect.wire.base import HEX16
from copconnect.wire.orders import Minutes as _Minutes
from copconnect.wire.orders import OrderTerms

MAX_TEXT = 16_384
MAX_ATTACHMENTS = 32
MAX_TITLE = 160
MAX_SHORT = 80  # References of orders, and their choices.
MAX_NAME = 255
_PREVIEW = 200
_ID_LABEL = tag("copconnect attachment id v1")
_JOINERS = "\u200c\u200d"  # They belong to words in Indian scripts.
_Text = Annotated[str, Meta(max_length=MAX_TEXT)]
_Name = Annotated[str, Meta(max_length=MAX_NAME)]
Forwards = Annotated[int, Meta(ge=0, le=255)]
"""How often a message was forwarded to come here; 0: it was written here."""
AttachmentKind = Literal["image", "audio", "voice", "video", "document"]


class _Content(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of contents: unknown fields are left out, for later versions."""


class Mention(_Content, frozen=True, kw_only=True):
    """A person who is named in a text; positions in UTF-16 units."""

    person_id: Annotated[PersonId, HEX16]
    start: int
    length: int


class ReplyPointer(_Content, frozen=True, kw_only=True):
    """The message that a message answers."""

    message_id: Annotated[MessageId, HEX16]
    person_id: Annotated[PersonId, HEX16]
    preview: Annotated[str, Meta(max_length=1024)]


class Pointer(_Content, frozen=True, kw_only=True):
    """An encrypted attachment. ``size``: plaintext bytes; ``key``: 32 bytes."""

    id: Annotated[AttachmentId, HEX16]
    kind: AttachmentKind
    name: _Name
    mime: _Name
    size: Annotated[int, Meta(ge=0, le=MAX_ATTACHMENT_BYTES)]
    key: Annotated[bytes, Meta(min_length=32, max_length=32)]
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None
    thumb: Annotated[bytes, Meta(max_length=4096)] | None = None
    waveform: Annotated[list[float], Meta(max_length=512)] | None = None


class Text(_Content, frozen=True, kw_only=True):
    """A text, perhaps with files, which answers a message or does not."""

    text: _Text
    mentions: Annotated[list[Mention], Meta(max_length=256)] = []
    reply_to: ReplyPointer | None = None
    forwards: Forwards = 0
    attachments: Annotated[list[Pointer], Meta(max_length=MAX_ATTACHMENTS)] = []


class Order(_Content, frozen=True, kw_only=True):
    """An order: a message that asks for an acknowledgement. ``choices``: texts, of which an
    acknowledgement names one by its place from 1; ``answers``: it asks for a short text, which
    ``readers`` read beside the issuer. ``valid_until_ms``: acknowledgements signed later do not
    count. Minutes: when those who owe are woken again, and when heads of units are below which
    fewer than ``escalate_below`` percent have acknowledged."""

    title: Annotated[str, Meta(max_length=MAX_TITLE)]
    text: _Text
    reference: Annotated[str, Meta(max_length=MAX_SHORT)] = ""
    priority: Literal["routine", "urgent", "flash"] = "routine"
    valid_until_ms: Annotated[int, Meta(ge=0)] | None = None
    choices: Annotated[
        list[Annotated[str, Meta(max_length=MAX_SHORT)]], Meta(max_length=ORDER_CHOICES)
    ] = []
    answers: bool = False
    readers: Annotated[list[Annotated[PersonId, HEX16]], Meta(max_length=ORDER_READERS)] = []
    remind_minutes: Annotated[list[_Minutes], Meta(max_length=REMINDERS)] = []
    escalate_minutes: _Minutes | None = None
    escalate_below: Annotated[int, Meta(ge=0, le=100)] = 50
    mentions: Annotated[list[Mention], Meta(max_length=256)] = []
    attachments: Annotated[list[Pointer], Meta(max_length=MAX_ATTACHMENTS)] = []

    @property
    def terms(self) -> OrderTerms:
        """The terms that the server is told beside the message."""
        return OrderTerms(
            priority=self.priority,
            choices=len(self.choices),
            answers=self.answers,
            readers=self.readers,
            valid_until_ms=self.valid_until_ms,
            remind_minutes=self.remind_minutes,
            escalate_minutes=self.escalate_minutes,
            escalate_below=self.escalate_below,
        )


class State(_Content, frozen=True, kw_only=True):
    """Name and description of a group."""

    version: int
    title: Annotated[str, Meta(max_length=1024)]
    description: _Text


class Location(_Content, frozen=True, kw_only=True):
    """A place on the map, degrees."""

    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    forwards: Forwards = 0


class _Tagged(msgspec.Struct, frozen=True):
    v: int
    kind: str


Content = Text | Order | State | Location
_KINDS: dict[str, type[Content]] = {
    "text": Text,
    "attachments": Text,
    "location": Location,
    "state": State,
    "order": Order,
}


def decode(plaintext: bytes) -> Content | None:
    """Return the content of a message; None: of another version or kind, or malformed."""
    try:
        tagged = msgspec.msgpack.decode(plaintext, type=_Tagged)
        kind = _KINDS.get(tagged.kind)
        if tagged.v != 1 or kind is None:
            return None
        found = msgspec.msgpack.decode(plaintext, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if isinstance(found, Text | Order) and not all(map(_is_whole, found.attachments)):
        return None
    return found


def encode(content: Text | Order) -> bytes:
    """Return the plaintext of a message that a bot sends. Raises ValueError for one that nobody
    could read: nothing in it, or too much."""
    if isinstance(content, Order):
        return _encode_order(content)
    if len(content.text.encode("utf-16-le")) // 2 > MAX_TEXT:
        raise ValueError(f"the text is longer than {MAX_TEXT} characters")
    if len(content.attachments) > MAX_ATTACHMENTS:
        raise ValueError(f"more than {MAX_ATTACHMENTS} attachments")
    if not content.text.strip() and not content.attachments:
        raise ValueError("the message is empty")
    fields = msgspec.to_builtins(content, builtin_types=(bytes,))
    kind = "attachments"
    if not content.attachments:
        kind = "text"
        del fields["attachments"]
    return msgspec.msgpack.encode({"v": 1, "kind": kind, **fields})


def _encode_order(order: Order) -> bytes:
    if not order.title.strip() or not all(one.strip() for one in order.choices):
        raise ValueError("an order needs a title, and no choice may be empty")
    fields = msgspec.to_builtins(order, builtin_types=(bytes,))
    plaintext = msgspec.msgpack.encode({"v": 1, "kind": "order", **fields})
    # Constructors check no length; reading does.
    if decode(plaintext) is None:
        raise ValueError("a part of the order is too long, or out of range")
    return plaintext


def attachment_id(key: bytes, size: int) -> AttachmentId:
    """Return the id of the attachment that is sealed under a key: it commits to key and size."""
    digest = hashlib.sha256(_ID_LABEL + key + uint(size)).digest()
    return AttachmentId(digest[:16].hex())


def pointer_to(name: str, size: int, key: bytes, mime: str | None) -> Pointer:
    """Return the pointer to a new attachment."""
    found = mime or mimetypes.guess_type(name)[0] or "application/octet-stream"
    # Pictures and sounds are shown by what a phone measured of them: a bot measures nothing.
    return Pointer(
        id=attachment_id(key, size),
        kind="document",
        name=safe_name(name),
        mime=found,
        size=size,
        key=key,
    )


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


def preview_of(text: str) -> str:
    """Return the beginning of a text, for those who do not have the message that is answered."""
    return text[:_PREVIEW]


def _is_whole(pointer: Pointer) -> bool:
    return pointer.id == attachment_id(pointer.key, pointer.size)
