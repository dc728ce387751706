"""``copconnect backup`` and ``copconnect restore``."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from sqlalchemy.exc import DBAPIError

from copconnect import errors
from copconnect.commands import admin
from copconnect.commands.backups import making, restoring
from copconnect.commands.backups.archive import BackupRefused, named
from copconnect.commands.options import Data, console, require_account, settings_of, stop
from copconnect.doctor.reasons import reason_of

T = TypeVar("T")


def backup(
    folder: Annotated[Path, typer.Argument(help="Where the archive is made.")] = Path(
        "/var/backups/copconnect"
    ),
    data: Data = None,
) -> None:
    """Make one archive of database, attachments and keys while the server serves, and read it
    again. It names people and holds the keys that sign for the department: encrypt it before it
    leaves this machine."""
    settings = settings_of(data)
    require_account(settings)
    folder.mkdir(parents=True, exist_ok=True)
    made = _run(making.back_up(settings, folder))
    typer.echo(made.archive)
    if made.manifest.blobs_at:
        console.print(
            f"The attachments are in {made.manifest.blobs_at} and not in this archive: let that "
            "store keep versions.",
            soft_wrap=True,
            highlight=False,
        )
    if made.missing:
        raise stop(
            f"{len(made.missing):,} of {made.manifest.attachments:,} attachments are missing here, "
            f"and so in the archive: {named(list(made.missing))}. An older archive may have them."
        )


def restore(
    archive: Annotated[Path, typer.Argument(help="An archive that `copconnect backup` made.")],
    data: Data = None,
) -> None:
    """Restore a backup, with every node stopped. The former data is moved aside, not deleted; keys
    that are there stay. At the end the roster authority signs everything again."""
    settings = settings_of(data)
    require_account(settings)
    restored = _run(restoring.restore(settings, archive))
    admin.new_incarnation(data)
    lines = [
        f"Restored. The former data is in {restored.aside}: delete it when all is well.",
    ]
    if restored.manifest.blobs_at:
        lines.append(
            f"The attachments were in {restored.manifest.blobs_at} and not in this archive."
        )
    console.print(*lines, soft_wrap=True, highlight=False)
    if restored.missing:
        raise stop(
            f"{len(restored.missing):,} attachments that the database names are missing: "
            f"{named(list(restored.missing))}."
        )


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run what makes or restores a backup; ends the program with a sentence where it fails."""
    try:
        return asyncio.run(work)
    except BackupRefused as error:
        raise stop(str(error)) from error
    except (errors.CopConnectError, DBAPIError, OSError) as error:
        raise stop(f"The data cannot be read or written: {reason_of(error)}.") from error
