"""Signs the weights, the policy and the known pictures of the guard, serves them, and sets another
policy.

The policy in force is the one with the highest number: of all that the console or an operator
set, and the file that the server started with, which has number 1 where it is the shipped one.
Invariants: a file is served only after it was read whole; every node signs the same bytes, because
Ed25519 is deterministic; no message and no picture ever reaches this code. A node reads a new
policy and the list of pictures when a wake-up tells it, and a minute later where the wake-up was
lost.
"""

from collections.abc import Collection, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.audit import Audit
from copconnect.audit.acts import GuardPolicySet
from copconnect.bus import AccountWakeup, AnyWakeup
from copconnect.clock import Clock
from copconnect.conduct import store
from copconnect.conduct.guard import model, policy
from copconnect.conduct.guard.pictures import Pictures, encoded
from copconnect.database.engine import Database, Transaction
from copconnect.principals import Operator, Principal, Signer
from copconnect.records.primitives.fields import sha256
from copconnect.records.primitives.signed import RosterSigner
from copconnect.records.trust.guard_record import GuardRecord

READ_AGAIN_MS = 60_000
SHOWN = 100  # Former policies that the console lists.


class GuardFile(ValueError):
    """A file of weights or a policy that a setting names and that cannot be used."""


class _SignedPolicy(NamedTuple):
    """The policy, by its number and JSON, and the list of pictures, by its number and hash."""

    number: int
    text: str
    pictures_number: int
    pictures: bytes


class GuardService:
    """The guard's record and weights."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        audit: Audit,
        signer: RosterSigner,
        weights: str,
        rules: str,
    ) -> None:
        """Load and sign; an empty path means the shipped guard. Raises GuardFile."""
        self._database = database
        self._clock = clock
        self._audit = audit
        self._signer = signer
        self._data = _bytes(weights) if weights else shipped_weights()
        text = _bytes(rules).decode("utf-8", "replace") if rules else shipped_policy()
        try:
            self.model = model.read(self._data)
        except model.Malformed as error:
            raise GuardFile(f"{weights}: {error}") from error
        try:
            self.file_number = policy.parse(text).number
        except ValueError as error:
            raise GuardFile(f"{rules}: {error}") from error
        self._file = text
        self._weights = wire.GuardWeights(weights=self._data)
        self._hash = sha256(self._data)
        self.pictures = Pictures(clock, audit, self.model.classes)
        self._signed = _SignedPolicy(self.file_number, text, 0, sha256(encoded([])))
        self._guard = self._sign(self._signed)
        self._large_from = policy.parse(text).large_from
        self._read_ms = -READ_AGAIN_MS

    async def guard(self) -> wire.Guard:
        """Return the signed record of the policy in force."""
        await self._follow()
        return self._guard

    async def numbers(self) -> tuple[int, int]:
        """Return the numbers of the policy and of the list of pictures in force."""
        await self._follow()
        return self._signed.number, self._signed.pictures_number

    async def picture_changes(self, after: int = 0, to: int = 0) -> wire.GuardPictures:
        """Return what makes the list of pictures of the number ``to`` out of a former one. Raises
        NotFound."""
        async with self._database.reading() as connection:
            return await self.pictures.changes(connection, after, to)

    def weights(self) -> wire.GuardWeights:
        """Return the weights that the record names."""
        return self._weights

    async def on_wakeup(self, wakeup: AnyWakeup) -> None:
        """Read the policy again before it is served."""
        if isinstance(wakeup, AccountWakeup) and wakeup.event == "guard":
            self._read_ms = -READ_AGAIN_MS

    @property
    def large_from(self) -> int:
        """How many members make a group large, by the policy that this node has read last."""
        return self._large_from

    # --- Setting another policy ---------------------------------------------------------------

    async def in_force(self, connection: AsyncConnection) -> tuple[int, str]:
        """Return the number and the JSON of the policy in force."""
        row = await store.policy(connection)
        if row is None or row.number <= self.file_number:
            return self.file_number, self._file
        return row.number, row.policy

    async def large_from_in(self, connection: AsyncConnection) -> int:
        """Return from how many members on a group is large, by the policy in force."""
        return policy.parse((await self.in_force(connection))[1]).large_from

    async def versions(self, connection: AsyncConnection) -> Sequence[Any]:
        """Return the rows of the newest policies that were set."""
        return await store.policy_versions(connection, SHOWN)

    async def check(
        self, connection: AsyncConnection, text: str, ranks: Collection[str]
    ) -> policy.Policy:
        """Return what a text says that may become the policy: it has the next number, and names
        classes of the weights and ranks of the data bank alone. Raises ActInvalid,
        GuardPolicyChanged."""
        try:
            found = policy.parse(text)
        except ValueError as error:
            raise errors.ActInvalid(reason=str(error)[:200]) from error
        problem = policy.problem(found, self.model.classes, ranks)
        if problem is not None:
            raise errors.ActInvalid(reason=problem)
        number, _ = await self.in_force(connection)
        if found.number != number + 1:
            raise errors.GuardPolicyChanged(number=number)
        return found

    async def set(
        self, connection: Transaction, by: Principal, text: str, ranks: Collection[str]
    ) -> int:
        """Store a policy and return its number. Raises as :meth:`check`."""
        number = (await self.check(connection, text, ranks)).number
        row = {
            "number": number,
            "created_ms": self._clock.now_ms(),
            "person_id": by.person_id if isinstance(by, Signer) else None,
            "policy": text,
        }
        if not await store.add_policy(connection, row):
            raise errors.GuardPolicyChanged(number=number)
        connection.after_commit(AccountWakeup(event="guard", person_ids=[], client_ids=[]))
        await self._audit.record(connection, by, GuardPolicySet(number, text))
        return number

    async def set_file(self, by: Operator, text: str, ranks: Collection[str]) -> int:
        """Set for an operator what a file says, under the next number, whatever its own. Raises
        ActInvalid."""
        async with self._database.transaction() as connection:
            number, _ = await self.in_force(connection)
            try:
                numbered = policy.numbered(text, number + 1)
            except ValueError as error:
                raise errors.ActInvalid(reason=str(error)[:200]) from error
            return await self.set(connection, by, numbered, ranks)

    # --- Serving ------------------------------------------------------------------------------

    async def _follow(self) -> None:
        now = self._clock.now_ms()
        if 0 <= now - self._read_ms < READ_AGAIN_MS:
            return
        self._read_ms = now
        async with self._database.reading() as connection:
            number, text = await self.in_force(connection)
            pictures_number = await self.pictures.newest(connection)
            pictures = self._signed.pictures
            if pictures_number != self._signed.pictures_number:
                pictures = await self.pictures.hash_of(connection, pictures_number)
        found = _SignedPolicy(number, text, pictures_number, pictures)
        if found != self._signed:
            self._signed, self._guard = found, self._sign(found)
            self._large_from = policy.parse(text).large_from

    def _sign(self, what: "_SignedPolicy") -> wire.Guard:
        record = GuardRecord(
            number=self.model.number,
            size=len(self._data),
            weights=self._hash,
            policy_number=what.number,
            policy=what.text,
            pictures_number=what.pictures_number,
            pictures=what.pictures,
        )
        return wire.Guard(record=self._signer.signed(record).encode())


def shipped_weights() -> bytes:
    """Return the file of weights that comes with this version."""
    return (files("copconnect.conduct.guard") / "weights.bin").read_bytes()


def shipped_policy() -> str:
    """Return the policy that comes with this version."""
    return (files("copconnect.conduct.guard") / "policy.json").read_text("utf-8")


def _bytes(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise GuardFile(f"{path}: {error.strerror}") from error
