"""Interfaces that administration needs of the code of conduct and the guard; ``app.py`` passes them
in."""

from collections.abc import Collection, Sequence
from typing import Any, Protocol

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database.engine import Transaction
from copconnect.ids import PersonId
from copconnect.principals import Principal


class Conduct(Protocol):
    """The code of conduct."""

    async def check(
        self, connection: AsyncConnection, texts: Sequence[wire.ConductText], after: int
    ) -> None:
        """Raise ConductIncomplete, ConductTooLong, or ConductChanged where ``after`` is not the
        newest version."""
        ...

    async def publish(
        self,
        connection: Transaction,
        by: Principal,
        texts: Sequence[wire.ConductText],
        after: int,
        *,
        asks_again: bool,
    ) -> int:
        """Store the next version and return its number. Raises as ``check``."""
        ...

    async def texts(
        self, connection: AsyncConnection, version: int | None = None
    ) -> wire.ConductTexts:
        """Return a version in every language; None: the newest. Raises NotFound."""
        ...

    async def versions(self, connection: AsyncConnection) -> Sequence[Any]:
        """Return the rows of all versions, the newest first."""
        ...

    async def required(self, connection: AsyncConnection) -> int:
        """Return the version from which acceptances count."""
        ...

    def accepted_people(self) -> Select[tuple[PersonId]]:
        """Return a statement of the people whose acceptance counts."""
        ...


class GuardModel(Protocol):
    """The weights of the guard."""

    @property
    def classes(self) -> Sequence[str]: ...


class Guard(Protocol):
    """The policy of the guard."""

    @property
    def model(self) -> GuardModel: ...

    async def check(self, connection: AsyncConnection, text: str, ranks: Collection[str]) -> Any:
        """Raise ActInvalid, or GuardPolicyChanged where it has not the next number."""
        ...

    async def set(
        self, connection: Transaction, by: Principal, text: str, ranks: Collection[str]
    ) -> int:
        """Store a policy and return its number. Raises as ``check``."""
        ...

    async def in_force(self, connection: AsyncConnection) -> tuple[int, str]:
        """Return the number and the JSON of the policy in force."""
        ...

    async def versions(self, connection: AsyncConnection) -> Sequence[Any]:
        """Return the rows of the newest policies that were set."""
        ...
