"""PersonCard: a person's name, rank, post and unit, signed by the roster authority. Pure."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from copconnect.records.primitives.fields import (
    Bytes16,
    Codec,
    Reader,
    TextField,
    Uint64,
    ascending,
    exact,
    require,
    tag,
    text,
    uint,
)
from copconnect.records.primitives.signed import SignedRecord

_SCRIPT_BYTES = 4  # ISO 15924, such as "Telu".
Words = tuple[tuple[str, str], ...]  # (script code, text), ascending by script.


def _encoded(words: Words) -> bytes:
    found = [exact(script.encode("ascii"), _SCRIPT_BYTES) + text(said) for script, said in words]
    return uint(len(found), 1) + b"".join(found)


def _words(reader: Reader) -> Words:
    found = [(reader.read(_SCRIPT_BYTES), reader.text()) for _ in range(reader.uint(1))]
    scripts = [script for script, _ in found]
    require(ascending(scripts), reader.rule, "scripts do not ascend")
    right = all(script.isascii() and script.isalpha() for script in scripts)
    require(right, reader.rule, "not a script code")
    return tuple([(script.decode("ascii"), said) for script, said in found])


WordsField = Annotated[Words, Codec(_words, _encoded)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonCard(SignedRecord):
    """Plates show only what a card signs, in the scripts of the department's languages."""

    LABEL: ClassVar[bytes] = tag("copconnect person v2")
    RULE: ClassVar[str] = "E0"
    VERSION: ClassVar[int] = 2

    person_id: Bytes16
    number: Uint64
    created: Uint64
    names: WordsField
    rank: WordsField
    post: WordsField
    unit: WordsField
    path: TextField
