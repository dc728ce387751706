"""The ``copconnect`` command."""

import os

import typer

from copconnect.commands import admin, audit, conversations, directory, serving
from copconnect.commands.backup import backup, restore
from copconnect.commands.conducting import conduct, guard
from copconnect.commands.doctor import doctor
from copconnect.commands.init import init
from copconnect.commands.serve import serve_command
from copconnect.commands.teaching import training
from copconnect.commands.verifying import orders, reports
from copconnect.commands.verifying.conversations import verify

app = typer.Typer(
    name="copconnect",
    help="A messenger that a police department runs itself.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    add_completion=False,
)
app.add_typer(directory.app, name="directory")
app.add_typer(admin.app, name="admin")
app.add_typer(audit.app, name="audit")
app.add_typer(conduct.app, name="conduct")
app.add_typer(conversations.app, name="conversations")
conversations.app.command("verify")(verify)
app.add_typer(guard.app, name="guard")
app.add_typer(orders.app, name="orders")
app.add_typer(reports.app, name="reports")
app.add_typer(training.app, name="training")
app.command("init")(init)
app.command("doctor")(doctor)
app.command("backup")(backup)
app.command("restore")(restore)
app.command("serve")(serve_command(serving.COPCONNECT))


def main() -> None:
    """Run the command. The files that it writes name people: they are for this account only."""
    os.umask(0o077)
    app()
