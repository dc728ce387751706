"""Administrative acts, as an admin's device signs them. Pure.

The signature covers the act as the exact JSON that the device made, so that the audit log shows
what was signed and not what the server says was asked for. Whether the act may be done is judged by
:mod:`copconnect.admin`.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from copconnect.limits import MAX_ACT_BYTES
from copconnect.records.primitives.fields import Bytes16, Bytes32, Uint64, sized, tag
from copconnect.records.primitives.signed import SignedRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAct(SignedRecord):
    """``device`` asks for the act that ``body`` says."""

    LABEL: ClassVar[bytes] = tag("copconnect admin-act v1")
    RULE: ClassVar[str] = "act"

    device: Bytes32
    act_id: Bytes16
    created: Uint64
    body: Annotated[bytes, sized(MAX_ACT_BYTES, 4)]  # JSON of a struct of copconnect.wire.admin.
