"""Who acts: an authenticated caller, and devices as roles hand them to each other."""

from dataclasses import dataclass

from copconnect.ids import ClientId, PersonId


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated device. ``confirmed``: by KEYS.md E0, as the server judges it; another one
    may use the trust routes alone."""

    person_id: PersonId
    client_id: ClientId
    device: bytes  # 32 bytes (KEYS.md section 2).
    conduct_accepted: bool
    confirmed: bool
    me_version: str = ""  # As in wire.Ready.


@dataclass(frozen=True, slots=True)
class Ended:
    """What is left of an access token that ended."""

    reason: str  # As in errors.SignedOut.


@dataclass(frozen=True, slots=True)
class ListedDevice:
    """A device that rosters may list: confirmed, unrevoked, with a valid certificate (E2)."""

    device: bytes
    client_id: ClientId
    person_id: PersonId


@dataclass(frozen=True, slots=True)
class DeviceKeyRow:
    """A DeviceKey record that seals and shares may name: a device's newest generation for a KEM,
    and the former one for an hour (K1)."""

    kem: int
    key_id: bytes  # 16 bytes.
    record: bytes
