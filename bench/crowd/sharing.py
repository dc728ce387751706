"""The secrets that a simulated device lacks, and the shares that it makes for others (H1 to H3)."""

from collections.abc import Sequence

from bench.crowd.device import Place
from bench.crowd.phones import Phones
from bench.crowd.reading import KEM
from copconnect import wire
from copconnect.records.conversation.key_share import SecretKind, Shareable, check_shareable
from copconnect.records.conversation.roster import Leaf, RosterHead, check_proof
from copconnect.records.primitives.fields import Refused
from copconnect.records.trust.device_key import DeviceKey


def share_for(
    phones: Phones,
    asker: wire.ShareAsker,
    head: RosterHead,
    secrets: Sequence[tuple[Shareable, bytes]],
) -> bytes:
    """Return the share of what a device may have; empty: nothing."""
    leaf, _ = check_proof(head, bytes.fromhex(asker.device), asker.proof, "H1")
    key = next((one for one in map(DeviceKey.parse, asker.keys) if one.kem == KEM), None)
    found = [one for one in secrets if _is_shareable(one[0], head, leaf)]
    if key is None or not found:
        return b""
    return phones.share(head.conversation_id, key, found).encode()


def _is_shareable(record: Shareable, head: RosterHead, leaf: Leaf) -> bool:
    try:
        check_shareable(record, head, leaf, None)
    except Refused:
        return False
    return True


def lacking(place: Place) -> list[wire.ShareReference]:
    """Return what a device lacks: the keys that it cannot open, and the cell keys to which they
    are sealed."""
    names = {(SecretKind.CONVERSATION_KEY, key_id[:16]) for key_id in place.lacking}
    sealed_to = {seal[:16] for seal in place.lacking.values() if seal is not None}
    names |= {(SecretKind.CELL_KEY, key_id) for key_id in sealed_to if key_id in place.cell_records}
    return [reference(kind, named) for kind, named in sorted(names)]


def reference(kind: SecretKind, named: bytes) -> wire.ShareReference:
    """Return the name of a secret."""
    return wire.ShareReference(kind=kind.value, reference=named.hex())


def expected(start: wire.Start) -> list[wire.ShareReference]:
    """Return the secrets that come without a request of the device that starts."""
    keys = (bytes.fromhex(one)[:16] for one in start.awaited)
    return [*start.asked, *(reference(SecretKind.CONVERSATION_KEY, one) for one in keys)]
