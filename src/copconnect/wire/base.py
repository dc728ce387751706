"""Common parts of every structure on the wire: the base classes and plain types.

HTTP bodies and WebSocket frames are MessagePack maps of these structs, with camelCase keys (JSON is
accepted and produced too, by Content-Type and Accept, except that binary fields are base64 there).
Ids are 32 lowercase hex digits, devices and hashes 64; times are integer milliseconds since 1970
UTC with the suffix ``_ms``; sizes are bytes; a missing value is ``None``, never a missing key.
Records of docs/keys.md travel as bytes, whole, with their signature. Imports only msgspec.
"""

from typing import Annotated, ClassVar, Literal, get_args

import msgspec
from msgspec import Meta

# An id that a client chooses or names is ``Annotated[PersonId, HEX16]``; text that is no id: Hex16.
HEX16 = Meta(pattern="^[0-9a-f]{32}$")
HEX32 = Meta(pattern="^[0-9a-f]{64}$")
Hex16 = Annotated[str, HEX16]
Hex32 = Annotated[str, HEX32]
Signature = Annotated[bytes, Meta(min_length=64, max_length=64)]
Language = Literal["en", "te", "ur", "hi"]
# Every list of languages is this one: columns of tables and files, fields of Names, screens.
LANGUAGES: tuple[Language, ...] = get_args(Language)


def snake_case(name: str) -> str:
    """Return the name of a class or field in snake case, as tags have it."""
    return "".join(f"_{one.lower()}" if one.isupper() else one for one in name).lstrip("_")


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Base of every wire struct: immutable, keyword-only, camelCase, closed."""


class AdminAct(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    forbid_unknown_fields=True,
    tag_field="act",
    tag=snake_case,
):
    """Base of every act that an admin signs; the tag is the class name in snake case.

    ``recorded_as``: the tag of the entry in the audit log, one of :mod:`copconnect.audit.acts`;
    ``always_second``: a second admin approves it, however few it touches.
    """

    recorded_as: ClassVar[str]
    always_second: ClassVar[bool] = False


class Frame(msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag_field="t"):
    """Base of every WebSocket frame; the tag is the class name in snake case."""


class ErrorBody(Wire, frozen=True, kw_only=True):
    """The answer to a refused request. ``code`` is stable; the texts are English for logs."""

    code: str
    message: str
    remedy: str
    retry: bool
    retry_after_ms: int | None
    details: dict[str, str | int]
