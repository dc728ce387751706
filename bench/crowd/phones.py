"""HPKE of simulated devices: sealing and opening, which hundreds of phones do side by side.

Without a file of force/encapsulated.py each device does all of it. With one, the expensive half of
each seal to a DeviceKey was made before, and opening looks it up; the devices of a process that
open one seal with their cell's key open it once, and check a cell's key once.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.crowd.recipients import Recipient
from bench.force.device import Device
from bench.force.encapsulated import Encapsulations
from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.conversation_key import ConversationKey
from copconnect.records.conversation.key_share import KeyShare, SecretName, Shareable
from copconnect.records.conversation.seals import Seal, join_seals
from copconnect.records.primitives.kem import XWING
from copconnect.records.trust.device_key import DeviceKey
from copconnect.sealing import hpke
from copconnect.sealing.keys import check_cell_secret, open_cell_key, open_conversation_key
from copconnect.sealing.shares import drafted, make_share, open_share, secrets_of


class Phones:
    """The sealing and opening of a process's devices. ``file``: see Population."""

    def __init__(self, file: str | None) -> None:
        self._made = None if file is None else Encapsulations(Path(file))
        self._opened: dict[tuple[ConversationKey, Seal], bytes] = {}
        self._checked: set[tuple[CellKey, bytes]] = set()

    def cell_key_seals(
        self, secret: bytes, record: CellKey, recipients: Sequence[Recipient]
    ) -> bytes:
        """Return a cell key's secret sealed to all of its devices."""
        return join_seals(
            Seal(one.key_id, self._sealed(one, record.seal_info(one.key_id), secret))
            for one in recipients
        )

    def _sealed(self, to: Recipient, info: bytes, secret: bytes) -> bytes:
        made = None if self._made is None else self._made.seal(to.key_id, info, secret)
        return made or hpke.seal(XWING, to.pk, info, secret, "S3")

    def share(
        self, conversation_id: bytes, to: DeviceKey, secrets: Sequence[tuple[Shareable, bytes]]
    ) -> KeyShare:
        """Return a share of secrets."""
        if self._made is None:
            return make_share(conversation_id, to, secrets)
        recipient = Recipient(to.key_id(), to.pk)
        draft, joined = drafted(conversation_id, recipient.key_id, secrets)
        return replace(draft, sealed=self._sealed(recipient, draft.info(), joined))

    def open_share(self, device: Device, share: KeyShare) -> dict[SecretName, bytes]:
        """Decrypt a share and return its secrets, which the caller must compare with their records.
        Raises Refused."""
        joined = self._opened_by(device, share.info(), share.sealed)
        if joined is None:
            return open_share(XWING, share, hpke.private_key(XWING, device.hpke_seed))
        return secrets_of(share, joined)

    def open_cell_key(self, device: Device, record: CellKey, seal: Seal) -> bytes:
        """Return C. Raises Refused."""
        secret = None
        if seal.key_id == device.key_id:
            secret = self._opened_by(device, record.seal_info(seal.key_id), seal.sealed)
        if secret is None:
            own = hpke.private_key(XWING, device.hpke_seed)
            return open_cell_key(record, seal, device.key_id, own)
        if (record, secret) not in self._checked:
            check_cell_secret(record, secret)
            self._checked.add((record, secret))
        return secret

    def _opened_by(self, device: Device, info: bytes, sealed: bytes) -> bytes | None:
        return None if self._made is None else self._made.opened(device.key_id, info, sealed)

    def open_conversation_key(
        self, record: ConversationKey, seal: Seal, private: hpke.PrivateKey
    ) -> bytes:
        """Return S from a seal to a device's or its cell's key. Raises Refused."""
        found = self._opened.get((record, seal))
        if found is None:
            found = open_conversation_key(record, seal, XWING, seal.key_id, private)
            if self._made is not None:
                self._opened[record, seal] = found
        return found
