"""``copconnect conversations``: conversations whose people follow the data bank."""

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from copconnect import errors, wire
from copconnect.app import Container
from copconnect.commands.options import Data, console, operator, settings_of, stop, with_roles
from copconnect.directory import policies
from copconnect.directory.names import english
from copconnect.ids import ConversationId, UnitId

app = typer.Typer(help=__doc__, no_args_is_help=True)
policy = typer.Typer(help="The policy that says which standing groups there are.")
app.add_typer(policy, name="policy")


Title = Annotated[str | None, typer.Option(help="What members see as its name.")]
Everyone = Annotated[bool, typer.Option("--everyone", help="The whole force.")]
Units = Annotated[list[str] | None, typer.Option("--unit", help="A unit's code; repeatable.")]
Below = Annotated[bool, typer.Option("--below", help="Also all units below those named.")]
Roles = Annotated[list[str] | None, typer.Option("--role", help="A role's code; repeatable.")]
Ranks = Annotated[list[str] | None, typer.Option("--rank", help="A rank's code; repeatable.")]
HeadsOption = Annotated[bool, typer.Option("--heads", help="Only the heads of units.")]
Talk = Annotated[
    bool | None,
    typer.Option("--talk/--announce", help="Everybody may write, or only the units' heads."),
]
_ANY = wire.Clause()


@app.command()
def create(
    data: Data = None,
    title: Title = None,
    everyone: Everyone = False,
    unit: Units = None,
    below: Below = False,
    role: Roles = None,
    rank: Ranks = None,
    heads: HeadsOption = False,
    talk: Talk = False,
) -> None:
    """Create a conversation of everyone, of units, roles or ranks. People come and go with their
    posts. It has the name of its one unit where no title is given."""
    clause = _clause(everyone, unit, below, role, rank, heads)

    async def work(container: Container) -> tuple[ConversationId, int, int]:
        await _require_units(container, clause)
        names = english(title) if title else await _name_of(container, clause)
        return await container.delivery.audiences.create_for_department(
            operator(), wire.Audience(include=[clause]), names, talk=bool(talk)
        )

    with _explained():
        made, people, devices = with_roles(settings_of(data), work)
    console.print(f"Made conversation {made}: {people:,} people, {devices:,} devices.")


@app.command()
def change(
    conversation: Annotated[str, typer.Argument(help="Its id, as `list` shows it.")],
    data: Data = None,
    title: Title = None,
    everyone: Everyone = False,
    unit: Units = None,
    below: Below = False,
    role: Roles = None,
    rank: Ranks = None,
    heads: HeadsOption = False,
    talk: Talk = None,
) -> None:
    """Give a conversation that the department made another name, rule or policy of writing. Options
    that are left out change nothing. The policy's own groups are changed by `policy set`."""
    clause = _clause(everyone, unit, below, role, rank, heads)

    async def work(container: Container) -> int:
        await _require_units(container, clause)
        groups, c = container.delivery.department, ConversationId(conversation)
        async with container.database.transaction() as connection:
            former = await groups.group(connection, c)
            act = wire.ChangeGroup(
                conversation_id=c,
                title=english(title) if title else former.standing.title,
                rule=former.rule if clause == _ANY else wire.Audience(include=[clause]),
                who_may_send=former.who_may_send
                if talk is None
                else ("everyone" if talk else "admins"),
            )
            await groups.change(connection, operator(), act)
        await groups.settle(c)
        async with container.database.reading() as connection:
            return (await groups.group(connection, c)).members

    with _explained():
        people = with_roles(settings_of(data), work)
    console.print(f"Changed conversation {conversation}: {people:,} people.")


@app.command()
def end(
    conversation: Annotated[str, typer.Argument(help="Its id, as `list` shows it.")],
    data: Data = None,
) -> None:
    """Let everybody leave a conversation that the department made; its log stays."""

    async def work(container: Container) -> None:
        groups, c = container.delivery.department, ConversationId(conversation)
        async with container.database.transaction() as connection:
            await groups.end(connection, operator(), c)
        await groups.settle(c)

    with _explained():
        with_roles(settings_of(data), work)
    console.print(f"Ended conversation {conversation}.")


def _clause(
    everyone: bool,
    unit: list[str] | None,
    below: bool,
    role: list[str] | None,
    rank: list[str] | None,
    heads: bool,
) -> wire.Clause:
    return wire.Clause(
        everyone=everyone,
        units=[UnitId(one) for one in unit or ()],
        below=below,
        roles=role or [],
        ranks=rank or [],
        heads=heads,
    )


@contextmanager
def _explained() -> Iterator[None]:
    """Stop with a sentence where a rule or a conversation does not do."""
    try:
        yield
    except errors.AudienceInvalid as error:
        raise stop(f"The rule cannot be used: {error.details['reason']}.") from error
    except errors.NotFound as error:
        raise stop(
            "The department made no such conversation, or it has ended, or the policy makes it."
            " `copconnect conversations list` shows their ids."
        ) from error


async def _require_units(container: Container, clause: wire.Clause) -> None:
    units = {one.unit_id for one in (await container.directory.directory()).units}
    unknown = [one for one in clause.units if one not in units]
    if unknown:
        typed = unknown[0].upper()
        begins = sorted(one for one in units if one.startswith(typed))
        near = begins[:3] or difflib.get_close_matches(typed, units, 3)
        hint = f" Similar: {', '.join(near)}." if near else ""
        raise stop(f"The data bank has no unit {', '.join(unknown)}.{hint}")


async def _name_of(container: Container, clause: wire.Clause) -> wire.Names:
    """Return the name of the one unit of a clause, or of the top unit."""
    units = (await container.directory.directory()).units
    wanted = clause.units or [unit.unit_id for unit in units if unit.parent_id is None]
    names = [unit.names for unit in units if unit.unit_id in wanted]
    if len(wanted) == 1 and names and not (clause.roles or clause.ranks or clause.heads):
        return names[0]
    raise stop("Say what members shall see as its name: --title.")


@app.command("list")
def list_(data: Data = None) -> None:
    """List the conversations that follow the data bank."""

    async def work(container: Container) -> list[tuple[str, str]]:
        found = await container.delivery.audiences.groups()
        return [(c, one.standing.title.en if one.standing else "") for c, one in found.items()]

    table = Table("Conversation", "Name")
    for c, name in sorted(with_roles(settings_of(data), work), key=lambda row: row[1]):
        table.add_row(c, name)
    console.print(table)


@policy.command("show")
def show(data: Data = None) -> None:
    """Print the policy as a file that ``set`` takes."""
    lines = with_roles(settings_of(data), lambda container: container.editor.group_policy())
    encoded = msgspec.json.format(msgspec.json.encode(lines), indent=2)
    console.print(encoded.decode(), markup=False, soft_wrap=True)


@policy.command("set")
def set_(
    source: Annotated[Path, typer.Argument(help="JSON, as `show` prints it.")],
    data: Data = None,
) -> None:
    """Replace the policy. Running servers make and change the groups within seconds."""
    try:
        lines = policies.parse(source.read_bytes())
        with_roles(
            settings_of(data),
            lambda container: container.editor.set_group_policy(operator(), lines),
        )
    except errors.ActInvalid as error:
        raise stop(f"Nothing was changed. {source.name}: {error.details['reason']}.") from error
    console.print(f"The policy has {len(lines)} lines.")
