"""``copconnect admin``: what an operator does to accounts. Running servers act within a second."""

import csv
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import structlog
import typer

from copconnect import wire
from copconnect.app import Container
from copconnect.auth_service.administering import NamedClient
from copconnect.auth_service.keys import authority
from copconnect.auth_service.keys.key_files import AuthorityMissing, load_key
from copconnect.clock import SystemClock
from copconnect.commands import granting, rights
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
from copconnect.directory.editing import ManyLeft
from copconnect.ids import PersonId
from copconnect.records.trust.department import AppVersion

log = structlog.get_logger()
app = typer.Typer(help=__doc__, no_args_is_help=True)
app.add_typer(rights.app, name="rights")
app.command()(granting.grant)
app.command()(granting.grants)

_CONFIRMED = {
    "no": "not confirmed",
    "first": "not approved: the person's first device",
    "own_device": "confirmed by the person's other device",
    "admin": "confirmed by an admin",
    "root_admin": "a root admin's",
}
PersonNumber = Annotated[str, typer.Argument(help="The person's number.")]


@app.command()
def suspend(
    number: PersonNumber,
    data: Data = None,
    allow_many: Annotated[
        bool, typer.Option(help="Let more than 5% of the force leave within a day.")
    ] = False,
) -> None:
    """Suspend a person: signed out at once, certificates revoked."""
    wanted = number_of(number)

    async def work(container: Container) -> PersonId | None:
        return await container.editor.suspend(operator(), wanted, allow_many=allow_many)

    try:
        suspended = with_roles(settings_of(data), work)
    except ManyLeft as error:
        raise stop(f"{error} If that is meant, use --allow-many.") from error
    if suspended is None:
        raise stop("Nobody in the data bank has this number.")
    console.print("Suspended and signed out.")


@app.command()
def restore(number: PersonNumber, data: Data = None) -> None:
    """End a suspension. The person registers again."""
    wanted = number_of(number)
    if with_roles(settings_of(data), lambda c: c.editor.restore(operator(), wanted)) is None:
        raise stop("Nobody in the data bank has this number.")
    console.print("Restored. Their devices register again.")


@app.command("list-clients")
def list_clients(number: PersonNumber, data: Data = None) -> None:
    """List a person's devices."""
    wanted = number_of(number)

    async def work(container: Container) -> None:
        person = await person_of(container, wanted)
        listed = await container.auth.accounts.clients(person)
        for client in listed:
            # No table: a narrow terminal would cut the id, which is there to be copied.
            standing = "revoked" if client.revoked else _CONFIRMED[client.confirmed]
            typer.echo(f"{client.client_id}  {client.label}")
            typer.echo(f"    {standing}; registered {_date(client.created_ms)}")
            typer.echo(
                f"    last seen {_date(client.last_seen_ms) or 'never'}; "
                f"certificate until {_date(client.certificate_expires_ms)}"
            )
        if not listed:
            typer.echo("This person has no device.")

    with_roles(settings_of(data), work)


@app.command("revoke-client")
def revoke_client(
    client: Annotated[str, typer.Argument(help="The device's id, or how it begins.")],
    data: Data = None,
) -> None:
    """Revoke one device, such as a lost phone. It is locked and keeps what it holds: a wipe is for
    the person's other device or an admin, in the app. Phones of the person that wait stay out until
    somebody confirms them."""

    async def work(container: Container) -> tuple[str, list[wire.ClientInfo]]:
        chosen = await _device(container, client)
        if not await container.auth.administering.revoke_client(operator(), chosen.client_id):
            raise stop(f"{chosen.client_id} ({chosen.label}) is revoked already.")
        listed = await container.auth.accounts.clients(chosen.person_id)
        return chosen.client_id, [one for one in listed if not one.revoked]

    revoked, left = with_roles(settings_of(data), work)
    console.print(f"Revoked and signed out: {revoked}.", highlight=False)
    for one in left:
        if one.confirmed == "no":
            registered = _date(one.created_ms)
            typer.echo(f"Waits, confirmed by nobody: {one.client_id}  {one.label}, {registered}")
    if left and all(one.confirmed == "no" for one in left):
        console.print(
            "No phone of this person is confirmed now. An admin of their unit confirms one in the "
            "app or the console. Where no admin is appointed, name a root admin, who can: "
            "copconnect admin grant NUMBER root.key.pem",
            highlight=False,
        )


@app.command("next-issuing-ca")
def next_issuing_ca(
    root_key: Annotated[Path, typer.Argument(help="root.key.pem, from offline storage.")],
    data: Data = None,
) -> None:
    """Make the next issuing CA. Restart every node with a copy of the keys afterwards."""
    keys = settings_of(data).data_dir / "keys"
    try:
        name = authority.next_issuing(keys, root_key, SystemClock().now_ms())
    except (AuthorityMissing, OSError, ValueError) as error:
        raise stop(str(error)) from error
    console.print(f"{name} issues certificates from the next start on.", highlight=False)


@app.command("next-roster-authority")
def next_roster_authority(
    root_key: Annotated[Path, typer.Argument(help="root.key.pem, from offline storage.")],
    data: Data = None,
) -> None:
    """Replace the roster authority's key, because it may be stolen, with every node stopped.

    The offline root signs a department record that names the new key, and everything that the
    former one signed is signed again; its signatures then count for earlier messages alone. Copy
    the keys folder to every node before you start them.
    """
    settings = settings_of(data)
    try:
        record = authority.next_roster(settings.data_dir / "keys", root_key, SystemClock().now_ms())
    except (AuthorityMissing, OSError, ValueError) as error:
        raise stop(str(error)) from error
    console.print(f"Department record {record.number} names the new roster authority.")
    new_incarnation(data)


@app.command("lowest-app")
def lowest_app(
    version: Annotated[str, typer.Argument(help="Such as 1.4.0; 0.0.0 takes any.")],
    root_key: Annotated[Path, typer.Argument(help="root.key.pem, from offline storage.")],
    data: Data = None,
) -> None:
    """Let apps below a version send nothing until they are updated, in a new department record.

    They keep what they hold, and receive. Copy the keys folder to every node afterwards.
    """
    if not re.fullmatch(r"\d{1,4}(\.\d{1,4}){2}", version):
        raise stop(f"{version} is no version: three numbers with points between them.")
    lowest = AppVersion(*map(int, version.split(".")))

    async def work(container: Container) -> int:
        departments = container.auth.departments
        await departments.start()
        return (await departments.require_app(operator(), load_key(root_key), lowest)).number

    try:
        record = with_roles(settings_of(data), work)
    except (OSError, ValueError, AuthorityMissing) as error:
        raise stop(str(error)) from error
    console.print(f"Under department record {record} apps below {lowest} send nothing.")


@app.command("new-incarnation")
def new_incarnation(data: Data = None) -> None:
    """After restoring a backup, with every node stopped: let devices continue with the backup.

    Signs an Incarnation with a number that never repeats, and under it a new roster head for every
    conversation, device lists and cards, so that nothing which was lost is newer. Devices then send
    again the messages of theirs that the log lost.
    """

    async def work(container: Container) -> tuple[int, int, int]:
        number, people = await container.auth.begin_incarnation(operator())
        conversations = await container.delivery.begin_incarnation(number)
        log.warning("new_incarnation", number=number, people=people, conversations=conversations)
        return number, people, conversations

    number, people, conversations = with_roles(settings_of(data), work)
    console.print(
        f"Incarnation {number}. Signed anew: devices of {people:,} people, "
        f"{conversations:,} conversations. Start the nodes."
    )


@app.command("enrolment-codes")
def enrolment_codes(
    numbers: Annotated[list[str], typer.Argument(help="Numbers of people.")],
    data: Data = None,
    out: Annotated[Path | None, typer.Option(help="Write a CSV file instead of printing.")] = None,
) -> None:
    """Make new enrolment codes for letters. Only their hashes are kept: print them now."""
    wanted = [number_of(number) for number in numbers]

    async def work(container: Container) -> list[tuple[str, str]]:
        people = [await person_of(container, number) for number in wanted]
        codes = await container.auth.administering.make_enrolment_codes(operator(), people)
        return list(zip(wanted, codes, strict=True))

    rows = with_roles(settings_of(data), work)
    if out is None:
        csv.writer(sys.stdout).writerows([("number", "enrolment_code"), *rows])
        return
    with out.open("w", encoding="utf-8", newline="") as file:
        out.chmod(0o600)
        csv.writer(file).writerows([("number", "enrolment_code"), *rows])
    console.print(f"Wrote {len(rows):,} codes to {out}.")


async def _device(container: Container, typed: str) -> NamedClient:
    """Return the device whose id begins so; ends the program where none or several do."""
    prefix = hexadecimal(typed)
    found = await container.auth.administering.clients_beginning(prefix, limit=10)
    if not found:
        raise stop(
            f"No device has an id that begins with {prefix}. `copconnect admin list-clients "
            "NUMBER` lists a person's devices."
        )
    if len(found) > 1:
        names = "".join(f"\n  {one.client_id}  {one.label}" for one in found)
        raise stop(f"Several devices have ids that begin with {prefix}:{names}")
    return found[0]


def _date(ms: int | None) -> str:
    return "" if ms is None else datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
