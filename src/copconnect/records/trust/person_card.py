"""PersonCard: a person's name, rank, post and unit, signed by the roster authority. Pure."""

from dataclasses import dataclass
from typing import ClassVar, Self

from copconnect.records.primitives.fields import (
    ID_BYTES,
    SIGNATURE_BYTES,
    Reader,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonCard(SignedRecord):
    """Plates show only what a card signs, in the scripts of the department's languages."""

    LABEL: ClassVar[bytes] = tag("copconnect person v2")
    RULE: ClassVar[str] = "E0"
    VERSION: ClassVar[int] = 2

    person_id: bytes
    number: int
    created: int
    names: Words
    rank: Words
    post: Words
    unit: Words
    path: str

    def fields(self) -> bytes:
        return b"".join(
            (
                exact(self.person_id, ID_BYTES),
                uint(self.number),
                uint(self.created),
                *map(_encoded, (self.names, self.rank, self.post, self.unit)),
                text(self.path),
            )
        )

    @classmethod
    def read(cls, reader: Reader) -> Self:
        return cls(
            person_id=reader.read(ID_BYTES),
            number=reader.uint(),
            created=reader.uint(),
            names=_words(reader),
            rank=_words(reader),
            post=_words(reader),
            unit=_words(reader),
            path=reader.text(),
            signature=reader.read(SIGNATURE_BYTES),
        )


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
