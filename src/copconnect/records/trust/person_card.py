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


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonCard(SignedRecord):
    """Plates show only what a card signs. ``names``: (script code, name), ascending by script."""

    LABEL: ClassVar[bytes] = tag("copconnect person v1")
    RULE: ClassVar[str] = "E0"

    person_id: bytes
    number: int
    created: int
    names: tuple[tuple[str, str], ...]
    rank: str
    post: str
    unit: str
    path: str

    def fields(self) -> bytes:
        names = [
            exact(script.encode("ascii"), _SCRIPT_BYTES) + text(name) for script, name in self.names
        ]
        return b"".join(
            (
                exact(self.person_id, ID_BYTES),
                uint(self.number),
                uint(self.created),
                uint(len(names), 1),
                *names,
                text(self.rank),
                text(self.post),
                text(self.unit),
                text(self.path),
            )
        )

    @classmethod
    def read(cls, reader: Reader) -> Self:
        return cls(
            person_id=reader.take(ID_BYTES),
            number=reader.uint(),
            created=reader.uint(),
            names=_names(reader),
            rank=reader.text(),
            post=reader.text(),
            unit=reader.text(),
            path=reader.text(),
            signature=reader.take(SIGNATURE_BYTES),
        )


def _names(reader: Reader) -> tuple[tuple[str, str], ...]:
    found = [(reader.take(_SCRIPT_BYTES), reader.text()) for _ in range(reader.uint(1))]
    scripts = [script for script, _ in found]
    require(ascending(scripts), reader.rule, "names do not ascend")
    right = all(script.isascii() and script.isalpha() for script in scripts)
    require(right, reader.rule, "not a script code")
    return tuple([(script.decode("ascii"), name) for script, name in found])
