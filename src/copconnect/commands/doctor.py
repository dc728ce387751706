"""``copconnect doctor``: is everything as it must be? Changes nothing."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from copconnect.clock import SystemClock
from copconnect.commands.options import Data
from copconnect.doctor.examination import examine
from copconnect.doctor.findings import Finding, Verdict, exit_status, failure
from copconnect.settings import WrongSettings, load

_SHOWN: dict[Verdict, tuple[str, str]] = {
    "ok": ("ok     ", typer.colors.GREEN),
    "warning": ("warning", typer.colors.YELLOW),
    "failure": ("FAILURE", typer.colors.RED),
}
_CHOICES = "docs/operations.md has every setting and its choices."


def doctor(
    data: Data = None,
    url: Annotated[
        str | None, typer.Option(help="The address that officers open, to check the proxy.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON list of findings instead of words.")
    ] = False,
) -> None:
    """Check settings, account, permissions, keys, clock, database, bus, blobs, SMS gateway, server
    and proxy. Exit status 1 if a check fails, 0 otherwise; warnings are no failure."""
    findings = asyncio.run(_all(data, url, quiet=as_json))
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(findings), indent=2).decode())
    else:
        counts = {kind: sum(one.verdict == kind for one in findings) for kind in _SHOWN}
        typer.echo(f"{counts['failure']} failures, {counts['warning']} warnings.")
    raise typer.Exit(exit_status(findings))


async def _all(data: Path | None, url: str | None, *, quiet: bool) -> list[Finding]:
    """Return every finding; show each as soon as it is there, unless ``quiet``."""
    found: list[Finding] = []
    async for one in _findings(data, url):
        found.append(one)
        if not quiet:
            _show(one)
    return found


async def _findings(data: Path | None, url: str | None) -> AsyncIterator[Finding]:
    try:
        settings = load(os.environ, **({"data_dir": data} if data is not None else {}))
    except WrongSettings as error:
        for sentence in error.args:
            yield failure("settings", sentence, _CHOICES)
        return
    async for one in examine(settings, os.environ, SystemClock(), url):
        yield one


def _show(finding: Finding) -> None:
    label, colour = _SHOWN[finding.verdict]
    typer.secho(label, fg=colour, bold=finding.verdict == "failure", nl=False)
    typer.echo(f"  {finding.check}: {finding.words}")
    if finding.remedy:
        typer.echo(f"         -> {finding.remedy}")
