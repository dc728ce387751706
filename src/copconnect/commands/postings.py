"""``copconnect directory`` for posts: ``transfer``, ``planned``, ``cancel-transfer``, ``charge``,
``end-charge``, ``places``, ``posts``, ``abolish-post``, ``restore-post``."""

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
    person_of,
    settings_of,
    stop,
    with_roles,
)
from copconnect.directory.names import english
from copconnect.ids import PostId, UnitId

SHOWN = 8  # Digits of a post's id; a command takes any beginning that no other post has.
PersonNumber = Annotated[str, typer.Argument(help="The person's phone number.")]
UnitOption = Annotated[str | None, typer.Option(help="Code of the unit.")]
PostTitleOption = Annotated[
    str | None, typer.Option(help='The post\'s English name: "SHO, Charminar PS".')
]
PostOption = Annotated[
    str | None,
    typer.Option("--post-id", help="A post that is there: how its id begins, as `posts` lists it."),
]
Role = Annotated[list[str] | None, typer.Option(help="Code of a role; may be repeated.")]
HeadOption = Annotated[bool, typer.Option("--head", help="The post's holder heads the unit.")]


def transfer(
    number: PersonNumber,
    unit: UnitOption = None,
    post: PostTitleOption = None,
    role: Role = None,
    head: HeadOption = False,
    post_id: PostOption = None,
    rank: Annotated[str | None, typer.Option(help="Code of the new rank.")] = None,
    on: Annotated[
        str | None, typer.Option(help="A day to come, YYYY-MM-DD: then, at 00:00 India time.")
    ] = None,
    data: Data = None,
) -> None:
    """Give a person another post. Their groups follow within seconds."""
    place = _place(unit, post, role, head, post_id)

    async def work(container: Container) -> None:
        person_id, whole = (
            await person_of(container, number_of(number)),
            await _whole(container, place),
        )
        async with container.database.transaction() as connection:
            if on is None:
                await container.transfers.transfer(connection, operator(), person_id, whole, rank)
                console.print(f"{number} holds {_named(place)}.")
                return
            planned_id = await container.planned.plan(
                connection, operator(), person_id, whole, rank, on
            )
        console.print(f"Transfer {planned_id}: {number} will hold {_named(place)} on {on}.")

    _do(data, work)


def planned(data: Data = None) -> None:
    """List the transfers that are planned, and transfers that failed within 30 days."""

    async def work(container: Container) -> None:
        table = Table("Transfer", "Day", "Person", "Unit", "Post", "State")
        async with container.database.reading() as connection:
            for row in await container.planned.listed(connection):
                title, day = await container.planned.shown(connection, row)
                card = await container.directory.card(connection, row.person_id)
                name = row.person_id if card is None else card.names.en
                state = f"{row.state}: {row.reason}" if row.reason else row.state
                table.add_row(str(row.planned_id), day, name, row.unit_id, title.en, state)
        console.print(table)

    _do(data, work)


def cancel_transfer(
    planned_id: Annotated[int, typer.Argument(help="Its number, as `planned` shows it.")],
    data: Data = None,
) -> None:
    """Cancel a planned transfer, or take one that failed off the list."""

    async def work(container: Container) -> None:
        async with container.database.transaction() as connection:
            row = await container.planned.one(connection, planned_id)
            if row is None:
                raise stop(f"No transfer {planned_id} is planned.")
            await container.planned.cancel(connection, operator(), row.person_id, planned_id)

    _do(data, work)
    console.print(f"Transfer {planned_id} will not be done.")


PostGiven = Annotated[
    str, typer.Argument(help="How the post's id begins, as `posts` lists it and this prints it.")
]


def abolish_post(post_id: PostGiven, data: Data = None) -> None:
    """End a post that nobody holds. The officers who wrote to it keep their conversations."""

    async def work(container: Container) -> None:
        whole = await _only(container, post_id, abolished=False)
        async with container.database.transaction() as connection:
            asked = await container.delivery.department.count_with_post(connection, whole)
            await container.transfers.abolish(connection, operator(), whole)
        console.print(
            f"Post {whole[:SHOWN]} is abolished; {asked} conversations with it have ended. "
            f"`restore-post {whole[:SHOWN]}` undoes it."
        )

    _do(data, work)


def restore_post(post_id: PostGiven, data: Data = None) -> None:
    """Let a post be there again that was abolished."""

    async def work(container: Container) -> None:
        whole = await _only(container, post_id, abolished=True)
        async with container.database.transaction() as connection:
            await container.transfers.restore_post(connection, operator(), whole)

    _do(data, work)
    console.print(f"Post {post_id} is there again.")


def charge(
    number: PersonNumber,
    unit: UnitOption = None,
    post: PostTitleOption = None,
    role: Role = None,
    head: HeadOption = False,
    post_id: PostOption = None,
    officiating: Annotated[
        bool, typer.Option("--officiating", help="In place of a holder who is away.")
    ] = False,
    data: Data = None,
) -> None:
    """Let a person hold a post beside their own."""
    place = _place(unit, post, role, head, post_id)

    async def work(container: Container) -> None:
        person_id, whole = (
            await person_of(container, number_of(number)),
            await _whole(container, place),
        )
        async with container.database.transaction() as connection:
            posting_id = await container.transfers.give_charge(
                connection,
                operator(),
                person_id,
                whole,
                "officiating" if officiating else "additional",
            )
        console.print(f"Charge {posting_id}: {number} also holds {_named(place)}.")

    _do(data, work)


def end_charge(
    number: PersonNumber,
    posting: Annotated[int, typer.Argument(help="The charge's number, as `places` shows it.")],
    data: Data = None,
) -> None:
    """End a post that a person holds beside their own."""

    async def work(container: Container) -> None:
        person_id = await person_of(container, number_of(number))
        async with container.database.transaction() as connection:
            await container.transfers.end_charge(connection, operator(), person_id, posting)

    _do(data, work)
    console.print(f"Charge {posting} has ended.")


def places(
    number: PersonNumber,
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


def posts(
    unit: Annotated[str | None, typer.Option(help="Code of a unit: its posts and below.")] = None,
    vacant: Annotated[bool, typer.Option("--vacant", help="Only posts without a holder.")] = False,
    data: Data = None,
) -> None:
    """List posts with their holders. `--post-id` of other commands takes their ids."""

    async def work(container: Container) -> None:
        try:
            found = await container.posts.listed(unit, vacant=vacant)
        except errors.NotFound as error:
            raise stop(f"The data bank has no unit {unit}.") from error
        table = Table("Post", "Unit", "Title", "Heads", "Holders")
        for one in found:
            held = [_holder(holder) for holder in one.holders]
            more = one.held_by - len(held)
            who = ", ".join([*held, f"{more} more"] if more else held) or "vacant"
            table.add_row(
                one.post_id[:SHOWN], one.unit_id, one.names.en, "yes" if one.head else "", who
            )
        console.print(table)

    _do(data, work)


def _holder(held: wire.PostHolder) -> str:
    charge = "" if held.charge == "regular" else f" ({held.charge})"
    return f"{held.person.names.en}{charge}"


def _do(data: Data, work: Callable[[Container], Coroutine[Any, Any, None]]) -> None:
    try:
        with_roles(settings_of(data), work)
    except errors.PlaceInvalid as error:
        reason = error.details.pop("reason")
        named = " ".join(str(value) for value in error.details.values())
        raise stop(f"Nothing was changed: {reason} {named}".rstrip() + ".") from error
    except errors.NotFound as error:
        raise stop("Nothing was changed: this charge is not open, or not theirs.") from error


def _place(
    unit: str | None, post: str | None, role: list[str] | None, head: bool, post_id: str | None
) -> PostId | wire.NewPlace:
    if post_id is not None:
        if unit is not None or post is not None or role or head:
            raise stop("--post-id names the whole post; leave out --unit, --post, --role, --head.")
        return PostId(post_id)
    if unit is None or post is None:
        raise stop("Name the post: --unit and --post, or --post-id.")
    return wire.NewPlace(unit_id=UnitId(unit), post=english(post), roles=role or [], head=head)


def _named(place: PostId | wire.NewPlace) -> str:
    return f"post {place}" if isinstance(place, str) else f"{place.post.en} in {place.unit_id}"


async def _whole(container: Container, place: PostId | wire.NewPlace) -> PostId | wire.NewPlace:
    """Return the post whose id begins so."""
    return await _only(container, place, abolished=False) if isinstance(place, str) else place


async def _only(container: Container, digits: str, *, abolished: bool) -> PostId:
    found = await container.posts.beginning_with(digits, abolished=abolished)
    if len(found) != 1:
        kind = "abolished post" if abolished else "post"
        some = f"Several {kind}s" if found else f"No {kind}s"
        raise stop(f"{some} have an id that begins {digits}.")
    return found[0]
