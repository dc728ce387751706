"""``copconnect directory transfer|charge|end-charge|places``: who holds which post."""

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from copconnect import errors, wire
from copconnect.app import Container
from copconnect.commands.options import (
    Data,
    console,
    number_of,
    operator,
    settings_of,
    stop,
    with_roles,
)
from copconnect.directory.names import english
from copconnect.ids import PersonId, UnitId

Number = Annotated[str, typer.Argument(help="The person's phone number.")]
Unit = Annotated[str, typer.Option(help="Code of the unit.")]
Post = Annotated[str, typer.Option(help='The post\'s English name: "SHO, Charminar PS".')]
Role = Annotated[list[str] | None, typer.Option(help="Code of a role; may be repeated.")]
Head = Annotated[bool, typer.Option("--head", help="The post's holder heads the unit.")]


def transfer(
    number: Number,
    unit: Unit,
    post: Post,
    role: Role = None,
    head: Head = False,
    rank: Annotated[str | None, typer.Option(help="Code of the new rank.")] = None,
    data: Data = None,
) -> None:
    """Give a person another post. Their groups follow within seconds."""

    async def work(container: Container) -> None:
        person_id = await _person(container, number)
        async with container.database.transaction() as connection:
            place = _place(unit, post, role, head)
            await container.transfers.transfer(connection, operator(), person_id, place, rank)

    _do(data, work)
    console.print(f"{number} holds {post} in {unit}.")


def charge(
    number: Number,
    unit: Unit,
    post: Post,
    role: Role = None,
    head: Head = False,
    officiating: Annotated[
        bool, typer.Option("--officiating", help="In place of a holder who is away.")
    ] = False,
    data: Data = None,
) -> None:
    """Let a person hold a post beside their own."""

    async def work(container: Container) -> None:
        person_id = await _person(container, number)
        async with container.database.transaction() as connection:
            posting_id = await container.transfers.give_charge(
                connection,
                operator(),
                person_id,
                _place(unit, post, role, head),
                "officiating" if officiating else "additional",
            )
        console.print(f"Charge {posting_id}: {number} also holds {post} in {unit}.")

    _do(data, work)


def end_charge(
    number: Number,
    posting: Annotated[int, typer.Argument(help="The charge's number, as `places` shows it.")],
    data: Data = None,
) -> None:
    """End a post that a person holds beside their own."""

    async def work(container: Container) -> None:
        person_id = await _person(container, number)
        async with container.database.transaction() as connection:
            await container.transfers.end_charge(connection, operator(), person_id, posting)

    _do(data, work)
    console.print(f"Charge {posting} has ended.")


def places(
    number: Number,
    on: Annotated[
        datetime | None, typer.Option(help="A day; else now.", formats=["%Y-%m-%d"])
    ] = None,
    data: Data = None,
) -> None:
    """List the posts that a person held on a day."""

    async def work(container: Container) -> None:
        at_ms = container.clock.now_ms() if on is None else int(on.timestamp() * 1000)
        found = await container.transfers.held_at(number_of(number), at_ms)
        if found is None:
            raise stop(f"The data bank has nobody with the number {number}.")
        table = Table("Charge", "Unit", "Post", "Kind", "Since")
        for one in found:
            since = datetime.fromtimestamp(one.from_ms / 1000).astimezone()
            shown = str(one.posting_id) if one.charge != "regular" else ""
            table.add_row(shown, one.unit_id, one.post.en, one.charge, f"{since:%Y-%m-%d}")
        console.print(table)

    _do(data, work)


def _do(data: Data, work: Callable[[Container], Coroutine[Any, Any, None]]) -> None:
    try:
        with_roles(settings_of(data), work)
    except errors.PlaceInvalid as error:
        reason = error.details.pop("reason")
        named = " ".join(str(value) for value in error.details.values())
        raise stop(f"Nothing was changed: {reason} {named}".rstrip() + ".") from error
    except errors.NotFound as error:
        raise stop("Nothing was changed: this charge is not open, or not theirs.") from error


def _place(unit: str, post: str, role: list[str] | None, head: bool) -> wire.NewPlace:
    return wire.NewPlace(unit_id=UnitId(unit), post=english(post), roles=role or [], head=head)


async def _person(container: Container, number: str) -> PersonId:
    async with container.database.reading() as connection:
        found = await container.directory.active_by_number(connection, number_of(number))
    if found is None:
        raise stop(f"The data bank has nobody active with the number {number}.")
    return found
