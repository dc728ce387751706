"""``python -m demo``: a synthetic force to try out, on one machine.

The data folder is made at the first start and used again when count and seed are the same.
"""

import contextlib
import csv
import fcntl
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from copconnect.app import Container
from copconnect.commands import serving
from copconnect.commands.imports import progress_bar
from copconnect.commands.init import create_authority
from copconnect.commands.options import console, operator, settings_of, stop, with_roles
from copconnect.core_program import CoreMissing, node
from copconnect.directory import policies
from copconnect.directory.imports.importer import ImportOptions
from copconnect.ids import ClientId, PersonId
from copconnect.records.trust.department import Policy
from copconnect.services import processes
from copconnect.settings import Settings
from copconnect.wire import Person
from demo import data_bank, past_training, synthetic
from demo.serving import DEMO

DEPARTMENT = "Telangana Police"
SIMULATED_LABEL = "Simulated officer"  # As in client/src/officers/station.ts.
OFFICERS = Path("build") / "officers.mjs"
VAULTS = "officers"  # In the data folder: the devices of the simulated officers.
SIMULATED = 6
LOOKED_AT = 50  # People of a unit, most of whom play nobody.
# Each browser tab of a demo comes from one address.
GENEROUS = {
    "otp_per_number_and_address_per_day": 100,
    "otp_per_number_per_day": 100,
    "otp_resend_ms": 2000,
}


def run(port: int, people: int, seed: int, data: Path, *, officers: bool) -> None:
    """Start a synthetic force and serve it until a signal."""
    url = f"http://localhost:{port}"
    settings = settings_of(
        data,
        port=port,
        authenticator_host="localhost",
        authenticator_origins=url,
        **GENEROUS,
    )
    # Before the data is touched: what listens there may be another demo that uses it.
    if not _can_listen(settings):
        raise stop(f"Port {port} is in use. Choose another: make demo PORT={port + 1}")
    prepare(settings, people, seed)
    station = with_roles(settings, station_of)
    child: list[subprocess.Popen[bytes]] = []

    with_roles(settings, lambda container: sign_out_lost(container, station))
    codes = with_roles(settings, lambda container: letters(container, station))

    async def ready() -> None:
        greet(url, station, codes)
        if officers:
            child.extend(start_officers(url, station, data, codes))

    served = False
    # Ctrl+C is how a demo ends: the server has closed by then, and nothing went wrong.
    with ending(child), contextlib.suppress(KeyboardInterrupt):
        served = True
        served = serving.run(DEMO, settings, ready)
    if not served:
        raise stop(f"Could not listen on port {port}.")


def _can_listen(settings: Settings) -> bool:
    try:
        socket.create_server((settings.host, settings.port)).close()
    except OSError:
        return False
    return True


def prepare(settings: Settings, people: int, seed: int) -> None:
    """Make the certificate authority, load the data bank and make the standing groups, unless they
    are there."""
    keys = settings.data_dir / "keys"
    if not (keys.is_dir() and any(keys.iterdir())):
        create_authority(settings, DEPARTMENT, Policy.NONE)
        console.print(f"Made a certificate authority in {keys}.")
        console.print("A first device needs nobody's approval here: never so on a real server.")
    _load(settings, people, seed)
    with_roles(settings, make_groups)
    with_roles(settings, past_training.make)


def _load(settings: Settings, people: int, seed: int) -> None:
    mark = settings.data_dir / "databank" / "made.json"
    wanted = json.dumps({"people": people, "seed": seed, "version": 3})
    if mark.is_file() and mark.read_text("utf-8") == wanted:
        return
    console.print(f"Making a data bank of {people:,} people …")
    made = data_bank.make(people, seed)
    data_bank.write(made, mark.parent)
    options = ImportOptions(remove_missing=True, confirmed=True, most_leaving=None)
    named = [(f"{name}.csv", content) for name, content in made.items()]

    async def load(container: Container) -> None:
        with progress_bar() as progress:
            await container.importer.apply(operator(), named, options, progress=progress)

    with_roles(settings, load)
    mark.write_text(wanted, "utf-8")


async def make_groups(container: Container) -> None:
    """Write the policy of standing groups, and make the groups as a running server does."""
    policy = policies.parse((files("demo") / "standing_groups.json").read_bytes())
    if await container.editor.group_policy() != policy:
        await container.editor.set_group_policy(operator(), policy)
    before = len(await container.delivery.audiences.groups())
    console.print("Making the standing groups …")
    await container.delivery.following.round()
    made = len(await container.delivery.audiences.groups()) - before
    console.print(f"Made {made:,} standing groups.")


async def station_of(container: Container) -> list[Person]:
    """Return the people whom a person or a program plays: the shown station's, seniors first, its
    DCP's chain, and the head of the force; nobody whom somebody else added to the data bank."""
    with (container.settings.data_dir / "databank" / "people.csv").open(encoding="utf-8") as file:
        invented = {line["number"] for line in csv.DictReader(file)}
    units = dict.fromkeys((*synthetic.SHOWN_CHAIN, synthetic.TOP), 1)
    found = []
    for unit, wanted in {synthetic.SHOWN_STATION: synthetic.SHOWN_STAFF, **units}.items():
        posted = await container.directory.people(None, unit=unit, limit=LOOKED_AT)
        found += [person for person in posted.people if person.number in invented][:wanted]
    return found


async def sign_out_lost(container: Container, station: Sequence[Person]) -> None:
    """Revoke the devices of simulated officers whose keys are lost, as those of a registration that
    broke off are: beside such a device a new one would not be confirmed."""
    folder = container.settings.data_dir / VAULTS
    playing = {*simulated(station), commander(station)}
    lost = [
        ClientId(client.client_id)
        for person in station
        if person.number in playing and not (folder / f"officer-{person.number}.vault").exists()
        for client in await container.auth.accounts.clients(PersonId(person.person_id))
        if client.label == SIMULATED_LABEL and not client.revoked
    ]
    async with container.database.transaction() as connection:
        await container.auth.revoking.by_authority(connection, dict.fromkeys(lost, "signed_out"))


async def letters(container: Container, station: Sequence[Person]) -> dict[str, str]:
    """Return new enrolment codes by number where the policy asks for them: those of the data bank
    may be used up."""
    if container.settings.second_factor != "enrolment_code":
        return {}
    codes = await container.auth.administering.make_enrolment_codes(
        operator(), [PersonId(one.person_id) for one in station]
    )
    return dict(zip((one.number for one in station), codes, strict=True))


def invited(station: Sequence[Person]) -> list[Person]:
    """Return the people to sign in as: the SHO, a patrol officer, and those above them."""
    shown = [person for person in station if "sho" in person.roles]
    shown += [person for person in station if "blue_colts" in person.roles][:1]
    return shown + [person for person in station if {"sdpo", "dcp"} & set(person.roles)]


def greet(url: str, station: Sequence[Person], codes: Mapping[str, str]) -> None:
    """Say where the app is and whom to sign in as; with enrolment codes, where they are needed."""
    console.print(sign_in_table(invited(station), codes))
    console.print(f"App:        [bold]{url}[/bold]")
    console.print(f"SMS outbox: [bold]{url}/demo/outbox[/bold] (where the codes arrive)")
    console.print("The SHO issues orders to the station; those above, to each unit below.")
    console.print("Stop with Ctrl+C.")


def sign_in_table(people: Sequence[Person], codes: Mapping[str, str]) -> Table:
    """Return the table. Terminals do not agree on how wide Telugu is: what holds it comes last,
    with no line after it."""
    columns = ("Number", *(("Enrolment code",) if codes else ()), "Post", "Name")
    table = Table(*columns, title="Sign in as", title_justify="left", box=SIMPLE_HEAD)
    for person in people:
        national = person.number.removeprefix("+91")
        code = (codes[person.number],) if codes else ()
        name = f"{person.names.en} ({person.names.te})"
        table.add_row(f"{national[:5]} {national[5:]}", *code, person.post.en, name)
    return table


def simulated(station: Sequence[Person]) -> list[str]:
    """Return the numbers of the officers that a program plays: the station's staff, without the
    SHO and the patrol officer that a person is invited to sign in as."""
    staff = [person for person in station if person.unit_id == synthetic.SHOWN_STATION]
    shown = next((person for person in staff if "blue_colts" in person.roles), None)
    others = [person for person in staff if "sho" not in person.roles and person is not shown]
    return [person.number for person in others[:SIMULATED]]


def commander(station: Sequence[Person]) -> str:
    """Return the number of the head of the force, who announces to everyone."""
    return next(person.number for person in station if person.unit_id == synthetic.TOP)


def start_officers(
    url: str, station: Sequence[Person], data: Path, codes: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Start the program that plays the station's staff and the head of the force, if it is
    built."""
    try:
        program = node()  # The project's own, with SQLite.
    except CoreMissing as error:
        console.print(f"No simulated officers. {error}")
        return
    if not OFFICERS.is_file():
        console.print("No simulated officers: build them with `make officers`.")
        return
    log = data / "officers.log"
    with log.open("ab") as output:
        try:
            # The program inherits the lock and holds it until it has ended.
            fcntl.flock(output, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print("No simulated officers: those of another demo on this folder still run.")
            return
        console.print(f"The simulated officers come on duty ({log}).")
        yield subprocess.Popen(  # noqa: S603 - our own program, with numbers as arguments.
            [
                str(program),
                *("--disable-warning=ExperimentalWarning", str(OFFICERS), "--server", url),
                *("--numbers", ",".join(simulated(station))),
                *("--codes", ",".join(codes.get(one, "") for one in simulated(station))),
                *("--commander", commander(station)),
                *("--commander-code", codes.get(commander(station), "")),
                # They have their place in the station's group before they register.
                *("--invite", ",".join(person.number for person in invited(station))),
                *("--vaults", str(data / VAULTS)),
            ],
            stdin=subprocess.DEVNULL,
            # Standard error is for the person who started the demo: how many are on duty.
            stdout=output,
            preexec_fn=processes.die_with_parent,  # noqa: PLW1509 - it calls one C function.
        )


@contextlib.contextmanager
def ending(child: list[subprocess.Popen[bytes]]) -> Iterator[None]:
    """End the officers with this process, however that ends."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        yield
    finally:
        for process in child:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
