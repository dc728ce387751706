"""The command ``serve`` of a program that serves."""

import errno
from collections.abc import Callable
from typing import Annotated

import typer

from copconnect.auth_service.keys.key_files import AuthorityMissing
from copconnect.auth_service.service import NoGateway
from copconnect.commands import serving
from copconnect.commands.options import Data, require_account, settings_of, stop
from copconnect.commands.supervising import CannotShare
from copconnect.migrations import OtherSchema


def serve_command(program: serving.Program) -> Callable[..., None]:
    """Return the command that serves with this program."""

    def serve(
        data: Data = None,
        host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
        port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
        workers: Annotated[int, typer.Option(min=1, help="Server processes on this port.")] = 1,
        listening: Annotated[int | None, typer.Option(hidden=True)] = None,
        supervisor: Annotated[int | None, typer.Option(hidden=True)] = None,
        heads: Annotated[serving.HeadDrawing, typer.Option(hidden=True)] = "too",
    ) -> None:
        """Serve the app and its API."""
        given = {
            name: value for name, value in (("host", host), ("port", port)) if value is not None
        }
        settings = settings_of(data, **given)
        require_account(settings)
        served = True
        try:
            if heads == "alone" and supervisor is not None:
                serving.draw(program, settings, supervisor)
            elif listening is not None and supervisor is not None:
                supervised = serving.Supervised(listening, supervisor, heads)
                served = serving.run(program, settings, supervised=supervised)
            elif workers > 1:
                options = ["--data", str(settings.data_dir)]
                serving.run_workers(program, settings, workers, options)
            else:
                served = serving.run(program, settings)
        except (AuthorityMissing, NoGateway, OtherSchema, CannotShare) as error:
            raise stop(str(error)) from error
        except serving.CannotStart as error:
            raise stop(
                f"The server cannot start: {error}. `copconnect doctor` says more."
            ) from error
        except OSError as error:
            why = "it is in use" if error.errno == errno.EADDRINUSE else error.strerror
            where = f"{settings.host} port {settings.port}"
            raise stop(f"Could not listen on {where}: {why}.") from error
        raise typer.Exit(0 if served else 1)

    return serve
