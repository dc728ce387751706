"""``copconnect admin grant`` and ``grants``: the first admins, and who has which part.

Rights descend from the department record (E0): the offline root names devices of root
admins there, whose grant is over the whole department. Grants over units below are signed by
admins' devices, in the console; no key on a server can make one.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from copconnect import wire
from copconnect.app import Container
from copconnect.auth_service.keys.key_files import AuthorityMissing, load_key
from copconnect.commands.options import (
    Data,
    console,
    hexadecimal,
    number_of,
    operator,
    person_of,
    settings_of,
    stop,
    with_roles,
)
from copconnect.ids import PersonId, UnitId
from copconnect.rights import WHOLE


def grant(
    number: Annotated[str, typer.Argument(help="The admin's number.")],
    root_key: Annotated[Path, typer.Argument(help="root.key.pem, from offline storage.")],
    data: Data = None,
    client: Annotated[
        str | None, typer.Option(help="Which of several devices: its id, or how it begins.")
    ] = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take the grant back.")] = False,
) -> None:
    """Give a person's device the grant over the whole department (a root admin), in a new
    department record. It has no end but --withdraw. Root admins confirm devices and grant units to
    others in the console; keep them few, and two at least: what needs a second admin waits for the
    other. Copy the keys folder to every node afterwards."""
    wanted = number_of(number)

    async def work(container: Container) -> tuple[int, bool]:
        person = await person_of(container, wanted)
        devices = await container.auth.accounts.clients(person)
        if withdraw and devices:
            async with container.database.reading() as connection:
                admins = (await container.auth.departments.newest(connection)).admins
            devices = [one for one in devices if bytes.fromhex(one.device) in admins]
        if withdraw and not devices:
            raise stop("No device of this person is a root admin's.")
        devices = [one for one in devices if withdraw or not one.revoked]
        if not devices:
            raise stop("This person has no device. They register it first.")
        device = bytes.fromhex(_chosen(devices, client).device)
        departments = container.auth.departments
        change = departments.withdraw_root_admin if withdraw else departments.name_root_admin
        record = await change(operator(), load_key(root_key), device)
        return record.number, len(record.admins) < 2

    try:
        made, alone = with_roles(settings_of(data), work)
    except (OSError, ValueError, AuthorityMissing) as error:
        raise stop(str(error)) from error
    said = "no longer names" if withdraw else "names"
    console.print(f"Department record {made} {said} this device as a root admin's.")
    if alone:
        console.print(
            "Fewer than two devices are root admins': nobody can approve what needs a second one."
        )


def _chosen(devices: list[wire.ClientInfo], client: str | None) -> wire.ClientInfo:
    wanted = "" if client is None else hexadecimal(client)
    chosen = [one for one in devices if one.client_id.startswith(wanted)]
    if len(chosen) != 1:
        found = "None" if not chosen else "More than one"
        names = "".join(f"\n  {one.client_id}  {one.label}" for one in devices)
        raise stop(f"{found} of this person's devices fits. Choose one with --client:{names}")
    return chosen[0]


def grants(
    unit: Annotated[
        str | None, typer.Argument(help="Code of a unit: grants over it and all below.")
    ] = None,
    data: Data = None,
) -> None:
    """List the grants in force: who has which part of the tree, until when, given by whom."""

    async def work(container: Container) -> list[str]:
        now = container.clock.now_ms()
        async with container.database.reading() as connection:
            path = WHOLE
            if unit is not None:
                found = await container.directory.path_of(connection, UnitId(unit))
                if found is None:
                    raise stop(f"There is no unit {unit}.")
                path = found
            rows = await container.auth.administered.grants_within(connection, [path])
            rows = [one for one in rows if now <= one.not_after_ms != one.created_ms]
            granted = await container.auth.granting.everybody_granted(connection)
            roots = [one for one, paths in granted.items() if WHOLE in paths]
            people = {*roots, *(row.person_id for row in rows)}
            people |= {row.grantor_person_id for row in rows}
            cards = await container.directory.cards(connection, people, None)

        def named(person_id: PersonId) -> str:
            card = cards.get(person_id)
            return "somebody" if card is None else f"{card.names.en} ({card.rank}, {card.number})"

        lines = [f"the whole department  {named(one)}  no end  the offline root" for one in roots]
        lines += [
            f"{row.path.rpartition('/')[2]}  {named(row.person_id)}  "
            f"until {datetime.fromtimestamp(row.not_after_ms / 1000, UTC):%Y-%m-%d}  "
            f"by {named(row.grantor_person_id)}"
            for row in rows
        ]
        return lines

    lines = with_roles(settings_of(data), work)
    for one in lines:
        typer.echo(one)
    if not lines:
        typer.echo("Nobody has a grant.")
