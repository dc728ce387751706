"""The bot's own DeviceKeys: one for each KEM in use, renewed weekly.

A key is stored before it is published, and published with identical bytes until the server has it.
Once a newer one is published, the former private key opens late seals for 48 h more and is then
destroyed (K1); its row stays without it, so that the bot still knows which keys it made (E5).
"""

import asyncio
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from copconnect.bot.net.api import Api
from copconnect.bot.state.rows import OwnKeyRow
from copconnect.bot.state.stores import Stores
from copconnect.bot.trust.clock import TrustedTime
from copconnect.records.primitives.fields import DAY_MS, HOUR_MS
from copconnect.records.primitives.kem import XWING
from copconnect.records.trust.device_key import DeviceKey
from copconnect.sealing import hpke
from copconnect.sealing.keys import make_device_key, new_secret

_RENEWED_MS = 7 * DAY_MS
_SPREAD_MS = DAY_MS  # Devices that registered together do not all renew at once.
_FORMER_MS = 48 * HOUR_MS


class OwnKeys:
    """The bot's device keys. ``lowest_kem``: of the department record."""

    def __init__(
        self,
        api: Api,
        stores: Stores,
        time: TrustedTime,
        *,
        device: bytes,
        signer: Ed25519PrivateKey,
        lowest_kem: Callable[[], int],
    ) -> None:
        self._api = api
        self._stores = stores
        self._time = time
        self._device = device
        self._signer = signer
        self._lowest_kem = lowest_kem
        self._turn = asyncio.Lock()

    async def maintain(self) -> None:
        """Make, publish and destroy what is due. Raises Refused (T1) and what the API raises."""
        async with self._turn:
            await self._time.anchor()
            now = self._time.require_now()
            for kem in {self._lowest_kem(), XWING}:
                newest = self._newest(kem)
                if newest is None or now >= _renewal_ms(newest):
                    self._make(kem, newest.generation + 1 if newest else 1, now)
            rows = self._stores.own_keys.all()
            due = [one for one in rows if not one.published and self._newest(one.kem) == one]
            if due:
                await self._api.put_device_keys([one.record for one in due])
            self._settle(now)

    def _make(self, kem: int, generation: int, now: int) -> None:
        seed = new_secret()
        record = make_device_key(
            kem, seed, self._signer, device=self._device, generation=generation, now=now
        )
        row = OwnKeyRow(
            key_id=record.key_id(),
            kem=kem,
            generation=generation,
            created_ms=now,
            record=record.encode(),
            private_key=seed,
            published=False,
            former_since_ms=None,
        )
        self._put(row)

    def _settle(self, now: int) -> None:
        """Everything is published; keys that are not the newest of their KEM are former ones."""
        with self._stores.transaction():
            for row in self._stores.own_keys.all():
                former = self._newest(row.kem) != row
                since = (row.former_since_ms or now) if former else None
                over = since is not None and now - since > _FORMER_MS
                key = b"" if over else row.private_key
                new = replace(row, published=True, former_since_ms=since, private_key=key)
                if new != row:
                    self._put(new)

    def _put(self, row: OwnKeyRow) -> None:
        self._stores.own_keys.put(row.key_id.hex(), row, place=row.created_ms)

    def _newest(self, kem: int) -> OwnKeyRow | None:
        rows = [one for one in self._stores.own_keys.all() if one.kem == kem]
        return max(rows, key=lambda one: one.generation, default=None)

    def opener(self, key_id: bytes) -> tuple[int, hpke.PrivateKey] | None:
        """Return KEM and private key of one of the bot's keys, or None."""
        row = self._stores.own_keys.get(key_id.hex())
        if row is None or not row.private_key:
            return None
        return row.kem, hpke.private_key(row.kem, row.private_key)

    def has_made(self, key: DeviceKey) -> bool:
        """Return whether this bot made a key of its own device (E5)."""
        row = self._stores.own_keys.get(key.key_id().hex())
        return row is not None and row.record == key.encode()


def _renewal_ms(row: OwnKeyRow) -> int:
    """Return when a key is renewed: the same for one key whenever it is asked."""
    return (
        row.created_ms + _RENEWED_MS - _SPREAD_MS * int.from_bytes(row.key_id[:2], "big") // 2**16
    )
