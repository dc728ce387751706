"""An installation on this machine: its settings, and its backups as the unit of ``deploy/`` makes
them."""

import os
import shlex
import stat
from collections.abc import Sequence
from pathlib import Path

from copconnect.services import postgresql
from tests.harness import forking

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "copconnect-backup.service"

_PRIVATE = 0o077


class Installed:
    """A data folder with settings. ``blobs``: the folder of attachments, if it is another one."""

    def __init__(
        self, folder: Path, data: Path, database_url: str = "", blobs: Path | None = None
    ) -> None:
        self.data = data
        self.database_url = database_url
        self.backups = folder / "backups"
        self.backups.mkdir(exist_ok=True)
        self._folder = folder
        self._settings = {
            "COPCONNECT_DATA_DIR": str(data),
            "COPCONNECT_DATABASE_URL": database_url,
            "COPCONNECT_BLOB_URL": "" if blobs is None else f"file://{blobs}",
        }
        self._binaries = self._postgresql_programs()

    def backup(self) -> Path:
        """Make a backup by the unit's command under the unit's mounts; return the archive."""
        given = [str(self.data), str(self.backups), *self._arguments_of_unit()]
        printed = self._run("tests.deploy.under_mounts", given)
        archive = Path(printed.splitlines()[0])
        assert stat.S_IMODE(archive.stat().st_mode) == 0o600
        return archive

    def restore(self, archive: Path, *, new_incarnation: bool = True) -> str:
        """Restore an archive and return what is printed; ``new_incarnation``: False leaves the last
        step out. Raises RuntimeError with that if it fails."""
        module, *arguments = ("copconnect", "restore") if new_incarnation else (WITHOUT_LAST_STEP,)
        return self._run(module, [*arguments, str(archive)])

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self._binaries}:{os.environ['PATH']}",
            "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
            **self._settings,
        }

    def _run(self, module: str, arguments: Sequence[str]) -> str:
        """Run a program with the settings; return what it printed. Raises RuntimeError with that if
        it fails."""
        done = forking.run(module, arguments, self._environment(), self._folder, umask=_PRIVATE)
        if done.returncode != 0:
            raise RuntimeError(done.stdout + done.stderr)
        return done.stdout

    def _arguments_of_unit(self) -> list[str]:
        (line,) = [
            line for line in UNIT.read_text("utf-8").splitlines() if line.startswith("ExecStart=")
        ]
        program, *arguments = shlex.split(line.removeprefix("ExecStart="))
        assert program == "/opt/copconnect/bin/copconnect"
        places = {"/var/backups/copconnect": str(self.backups)}
        return [places.get(one, one) for one in arguments]

    def _postgresql_programs(self) -> Path:
        """Return a folder with the server's own versions of the clients that commands call."""
        folder = self._folder / "postgresql"
        folder.mkdir(exist_ok=True)
        found = postgresql.installed_binaries()
        for name in ("pg_dump", "pg_restore", "psql"):
            link = folder / name
            if not link.exists():
                link.symlink_to(found / name)
        return folder


WITHOUT_LAST_STEP = "tests.deploy.without_last_step"
