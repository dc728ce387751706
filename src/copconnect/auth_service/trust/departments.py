"""Department records in force, and Trust, which tells devices about them.

At its start every node copies the records of its keys folder into the database; Trust serves what
the database has, so that a node with an older copy of the folder serves the newest all the same.
Invariants: a record once stored stays; two records with one number are refused at the start; the
devices that a new record names, or names no more (root admins), are judged in the transaction that
stores it.
"""

import hashlib
from collections.abc import Collection

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.audit.acts import AppRequired, RootAdminNamed, RootAdminWithdrawn
from copconnect.auth_service import store
from copconnect.auth_service.dependencies import AuthDependencies
from copconnect.auth_service.keys import department_files
from copconnect.auth_service.keys.key_files import AuthorityMissing
from copconnect.auth_service.trust import record_store
from copconnect.auth_service.trust.changes import Changes
from copconnect.bus import AccountWakeup
from copconnect.database.engine import Transaction
from copconnect.ids import PersonId
from copconnect.principals import Principal
from copconnect.records.primitives.ed25519 import public_bytes
from copconnect.records.trust.department import AppVersion, Department


class Departments:
    """The department records of the database."""

    def __init__(self, deps: AuthDependencies, changes: Changes) -> None:
        self._deps = deps
        self._changes = changes

    async def start(self) -> None:
        """Store the records of the keys folder, and which issuing CAs there are; the version of
        Trust grows when something is new. Raises AuthorityMissing."""
        authority = self._deps.authority
        digest = hashlib.sha256(b"".join(sorted(authority.issuing))).hexdigest()
        async with self._deps.database.transaction() as connection:
            await store.set_issuing(connection, digest)
            for record in authority.departments:
                await self.add(connection, record)
            if (await self.newest(connection)).authority != authority.roster.public_key:
                raise AuthorityMissing(
                    "the roster authority was replaced: copy the keys folder of the node where the "
                    "newest department record was made"
                )

    async def add(self, connection: Transaction, record: Department) -> None:
        """Store a record; again is fine. Raises AuthorityMissing for another with its number."""
        encoded = record.encode()
        if not await record_store.add_department(connection, record.number, encoded):
            if encoded not in await record_store.department_records(connection):
                raise AuthorityMissing(
                    f"department record {record.number} in the keys folder is not the database's: "
                    "copy the keys folder of the node where the newest record was made"
                )
            return
        await store.bump_trust(connection)
        connection.after_commit(AccountWakeup(event="trust", person_ids=[], client_ids=[]))
        admins: set[PersonId] = await store.people_of(connection, record.admins)
        await self._changes.judge(connection, admins)

    async def name_root_admin(
        self, by: Principal, root: Ed25519PrivateKey, device: bytes
    ) -> Department:
        """Make the next record, which also names this device as a root admin's; ``root`` is the
        offline root's key. A device that is named already changes nothing. Raises
        AuthorityMissing."""
        async with self._deps.database.transaction() as connection:
            newest = await self.newest(connection)
            if device in newest.admins:
                return newest
            record = await self._next(connection, root, newest, {*newest.admins, device})
            act = RootAdminNamed(device.hex(), record.number)
            await self._deps.audit.record(connection, by, act)
        return record

    async def withdraw_root_admin(
        self, by: Principal, root: Ed25519PrivateKey, device: bytes
    ) -> Department:
        """Make the next record, which names this device as a root admin's no more. Its earlier
        signatures stand; from then on it is confirmed only if somebody endorsed it. A device that
        is not named changes nothing. Raises AuthorityMissing."""
        async with self._deps.database.transaction() as connection:
            newest = await self.newest(connection)
            if device not in newest.admins:
                return newest
            record = await self._next(connection, root, newest, {*newest.admins} - {device})
            await self._changes.judge(connection, await store.people_of(connection, [device]))
            act = RootAdminWithdrawn(device.hex(), record.number)
            await self._deps.audit.record(connection, by, act)
        return record

    async def require_app(
        self, by: Principal, root: Ed25519PrivateKey, lowest: AppVersion
    ) -> Department:
        """Make the next record, under which an app below this version sends nothing. Raises
        AuthorityMissing."""
        async with self._deps.database.transaction() as connection:
            newest = await self.newest(connection)
            if newest.lowest_app == lowest:
                return newest
            record = await self._next(connection, root, newest, lowest_app=lowest)
            await self._deps.audit.record(connection, by, AppRequired(str(lowest), record.number))
        return record

    async def _next(
        self,
        connection: Transaction,
        root: Ed25519PrivateKey,
        newest: Department,
        admins: Collection[bytes] | None = None,
        lowest_app: AppVersion | None = None,
    ) -> Department:
        """Write the record after the newest, with these root admins' devices and lowest version of
        the app. The file comes before the row: after a crash between them the next start stores the
        row. Raises AuthorityMissing."""
        keys = self._deps.settings.data_dir / "keys"
        if [newest] != department_files.load(keys, public_bytes(root))[-1:]:
            raise AuthorityMissing(f"{keys} lacks department record {newest.number}")
        now_ms = self._deps.clock.now_ms()
        record = department_files.write_next(
            keys, root, now_ms, admins=admins, lowest_app=lowest_app
        )
        await self.add(connection, record)
        return record

    async def newest(self, connection: AsyncConnection) -> Department:
        """Return the record in force."""
        return Department.parse((await record_store.department_records(connection))[-1])


class TrustPublisher:
    """Answers Trust, from memory while the version is the same."""

    def __init__(self, deps: AuthDependencies) -> None:
        self._database = deps.database
        self._authority = deps.authority
        self._built: wire.Trust | None = None

    async def version(self, connection: AsyncConnection) -> int:
        """Return the version of Trust."""
        row = await store.trust_row(connection)
        return row.version if row is not None else 1

    async def trust(self) -> wire.Trust:
        """Return what clients need to judge certificates and records."""
        async with self._database.reading() as connection:
            row = await store.trust_row(connection)
            version = row.version if row is not None else 1
            if self._built is not None and self._built.version == version:
                return self._built
            departments = await record_store.department_records(connection)
            incarnation = await record_store.newest_incarnation(connection)
        self._built = wire.Trust(
            version=version,
            root=self._authority.root,
            issuing=self._authority.issuing,
            roster_authority=self._authority.roster_certificate,
            departments=departments,
            incarnation=None if incarnation is None else incarnation.encode(),
        )
        return self._built
