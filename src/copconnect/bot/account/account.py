"""The stored account, kept up: the department's trust, the certificate, what the server says of it.

Invariants: root and department records only go forward (``trust.department``); a certificate is
taken only if it is this device's; a change is written before memory has it. A failure changes
nothing of what is stored.
"""

import secrets
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from copconnect import wire
from copconnect.bot.account.registering import check_certificate
from copconnect.bot.context import Identity
from copconnect.bot.failures import StateFailure, Untrusted
from copconnect.bot.net.api import Api
from copconnect.bot.state.rows import AccountRow
from copconnect.bot.state.stores import Stores
from copconnect.bot.trust.department import DepartmentTrust
from copconnect.records.primitives.fields import DAY_MS, HOUR_MS, sha256, uint

_LONGEST_RENEWAL_MS = 30 * DAY_MS
_ASK_TRUST_S = 5.0
_RENEW_LABEL = b"copconnect renew v2\0"
_TOKEN_LEFT_MS = 7 * HOUR_MS


class Account:
    """The account of a registered bot. Raises StateFailure where there is none."""

    def __init__(self, api: Api, stores: Stores) -> None:
        row = stores.account
        if row is None:
            raise StateFailure("this bot is not registered: copconnect-bot register")
        self._api = api
        self._stores = stores
        self.row = row
        self.department = self._judged(row.trust)
        self._asked_trust = -_ASK_TRUST_S
        person, device = bytes.fromhex(row.person_id), bytes.fromhex(row.device)
        signer = Ed25519PrivateKey.from_private_bytes(row.private_key)
        self.identity = Identity(person, device, signer)

    def put(self, row: AccountRow) -> None:
        """Store the account."""
        self._stores.put_account(row)
        self.row = row

    def check_own(self, me: wire.Me) -> None:
        """Refuse what the server says of another account. Raises Untrusted."""
        if (me.client_id, me.person.person_id) != (self.row.client_id, self.row.person_id):
            raise Untrusted("the server answered about another account")

    async def refresh_trust(self, version: int | None) -> bool:
        """Fetch the department's trust if the server's version is another; None: whatever it is,
        every 5 s at most. Returns whether it is another now. Raises Untrusted."""
        if version == self.row.trust.version:
            return False
        if version is None:
            now = time.monotonic()
            if now - self._asked_trust < _ASK_TRUST_S:
                return False
            self._asked_trust = now
        answer = await self._api.trust()
        trust = self._judged(answer)
        changed = answer != self.row.trust
        departments = [record.encode() for record in trust.departments]
        incarnation = None if trust.incarnation is None else trust.incarnation.encode()
        row = replace(self.row, trust=answer, departments=departments, incarnation=incarnation)
        self.put(row)
        self.department = trust
        return changed

    def _judged(self, trust: wire.Trust) -> DepartmentTrust:
        row = self.row
        return DepartmentTrust.open(trust, row.pinned_root, row.departments, row.incarnation)

    async def renew(self, me: wire.Me, now: int) -> None:
        """Renew the certificate in the last third of its life, and the token before it expires."""
        row, identity = self.row, self.identity
        public = identity.signer.public_key().public_bytes_raw()
        own = check_certificate(row.certificate, self.department, identity.device, public)
        window = min(_LONGEST_RENEWAL_MS, (own.not_after - own.not_before) // 3)
        expires = [one.certificate_expires_ms for one in me.clients if one.device == row.device]
        # A later end than ours is the answer to a renewal that was lost: asked again, it comes.
        lost = bool(expires) and expires[0] > own.not_after + 1_000
        token_lasts = row.token_expires_ms - now > _TOKEN_LEFT_MS
        if lost or own.not_after - now <= window or not token_lasts:
            await self._prove(now)

    async def fresh_token(self, now: int) -> str:
        """Return an access token that has not expired."""
        if self.row.token_expires_ms <= now:
            await self._prove(now)
        return self.row.access_token

    async def _prove(self, now: int) -> None:
        row, signer = self.row, self.identity.signer
        token = secrets.token_urlsafe(32)
        token_hash = sha256(token.encode())
        signed = _RENEW_LABEL + bytes.fromhex(row.client_id) + uint(now) + token_hash
        body = wire.RenewCertificate(
            client_id=row.client_id,
            created_ms=now,
            token_hash=token_hash,
            proof=signer.sign(signed),
        )
        found = await self._api.renew_certificate(body)
        public = signer.public_key().public_bytes_raw()
        check_certificate(found.certificate, self.department, self.identity.device, public)
        self.put(
            replace(
                self.row,
                certificate=found.certificate,
                access_token=token,
                token_expires_ms=found.token_expires_ms,
            )
        )
