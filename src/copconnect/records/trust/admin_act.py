"""Administrative acts, as an admin's device signs them. Pure.

The signature covers the act as the exact JSON that the device made, so that the audit log shows
what was signed and not what the server says was asked for. Whether the act may be done is judged by
:mod:`copconnect.admin`.
"""

from dataclasses import dataclass
from typing import ClassVar, Self

from copconnect.limits import MAX_ACT_BYTES
from copconnect.records.primitives.fields import (
    DEVICE_BYTES,
    ID_BYTES,
    SIGNATURE_BYTES,
    Reader,
    exact,
    require,
    tag,
    uint,
)
from copconnect.records.primitives.signed import SignedRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAct(SignedRecord):
    """``device`` asks for the act that ``body`` says."""

    LABEL: ClassVar[bytes] = tag("copconnect admin-act v1")
    RULE: ClassVar[str] = "act"

    device: bytes
    act_id: bytes
    created: int
    body: bytes  # JSON of a struct of copconnect.wire.admin.

    def fields(self) -> bytes:
        return b"".join(
            (
                exact(self.device, DEVICE_BYTES),
                exact(self.act_id, ID_BYTES),
                uint(self.created),
                uint(len(self.body), 4),
                self.body,
            )
        )

    @classmethod
    def read(cls, reader: Reader) -> Self:
        device, act_id = reader.read(DEVICE_BYTES), reader.read(ID_BYTES)
        created, size = reader.uint(), reader.uint(4)
        require(size <= MAX_ACT_BYTES, reader.rule, "longer than an act may be")
        body = reader.read(size)
        signature = reader.read(SIGNATURE_BYTES)
        return cls(device=device, act_id=act_id, created=created, body=body, signature=signature)
