"""Seals of cell keys, which hundreds of phones make side by side (force/encapsulated.py)."""

from collections.abc import Sequence
from pathlib import Path

from bench.crowd.recipients import Recipient
from bench.force.encapsulated import Encapsulations
from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.seals import Seal, join_seals
from copconnect.records.primitives.kem import XWING
from copconnect.sealing import hpke


class Phones:
    """Makes the seals, of encapsulations where there are any."""

    def __init__(self, file: str | None) -> None:
        self._made = None if file is None else Encapsulations(Path(file))

    def sealed(self, secret: bytes, record: CellKey, recipients: Sequence[Recipient]) -> bytes:
        """Return a cell key's secret sealed to all of its devices."""
        return join_seals(self._seal(secret, record, one) for one in recipients)

    def _seal(self, secret: bytes, record: CellKey, to: Recipient) -> Seal:
        info = record.seal_info(to.key_id)
        made = None if self._made is None else self._made.seal(to.key_id, info, secret)
        return Seal(to.key_id, made or hpke.seal(XWING, to.pk, info, secret, "S3"))
