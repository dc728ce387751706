"""``copconnect conversations``: conversations whose people follow the data bank."""

import difflib
from typing import Annotated

import typer

from copconnect import wire
from copconnect.app import Container
from copconnect.commands.options import Data, console, operator, settings_of, stop, with_roles
from copconnect.delivery.rosters.audiences import NobodyLeads
from copconnect.ids import ConversationId, UnitId

app = typer.Typer(help=__doc__, no_args_is_help=True)


@app.callback()
def conversations() -> None:
    """Keep ``create`` a command of its own, though it is the only one."""


@app.command()
def create(
    data: Data = None,
    everyone: Annotated[bool, typer.Option("--everyone", help="The whole force.")] = False,
    unit: Annotated[list[str] | None, typer.Option(help="Code of a unit; may be repeated.")] = None,
    below: Annotated[
        bool, typer.Option("--below", help="Also all units below those named.")
    ] = False,
    talk: Annotated[
        bool, typer.Option("--talk", help="Everybody may write, not only the units' admins.")
    ] = False,
) -> None:
    """Create a conversation of everyone or of units. People come and go with their posts."""
    rule = wire.Audience(
        everyone=everyone, unit_ids=[UnitId(one) for one in unit or ()], deep=below
    )
    if everyone == bool(rule.unit_ids):
        raise stop("Say either --everyone or at least one --unit.")

    async def work(container: Container) -> tuple[ConversationId, int, int]:
        units = {one.unit_id for one in (await container.directory.directory()).units}
        if unknown := [one for one in rule.unit_ids if one not in units]:
            typed = unknown[0].upper()
            begins = sorted(one for one in units if one.startswith(typed))
            near = begins[:3] or difflib.get_close_matches(typed, units, 3)
            hint = f" Similar: {', '.join(near)}." if near else ""
            raise stop(f"The data bank has no unit {', '.join(unknown)}.{hint}")
        return await container.delivery.audiences.create_as_operator(operator(), rule, talk=talk)

    try:
        made, people, devices = with_roles(settings_of(data), work)
    except NobodyLeads as error:
        named = ", ".join(rule.unit_ids) or "the top unit"
        raise stop(
            f"Nobody could write there: neither {named} nor a unit above has an admin (unit_admin) "
            "in the data bank."
        ) from error
    console.print(f"Made conversation {made}: {people:,} people, {devices:,} devices.")
