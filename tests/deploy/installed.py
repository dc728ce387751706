"""An installation on this machine whose files are those of ``deploy/``."""

import os
import stat
import subprocess
import sys
from pathlib import Path

from copconnect.services import postgresql

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


class Installed:
    """A data folder with a settings file, and programs where the scripts of ``deploy/`` expect
    those of ``/opt/copconnect``."""

    def __init__(self, folder: Path, data: Path, database_url: str = "") -> None:
        self.data = data
        self.database_url = database_url
        self._folder = folder
        self._settings = folder / "copconnect.env"
        lines = [f"COPCONNECT_DATA_DIR='{data}'", f"COPCONNECT_DATABASE_URL='{database_url}'"]
        self._settings.write_text("\n".join(lines) + "\n", "utf-8")
        self._binaries = self._postgresql_programs()

    def backup(self) -> Path:
        """Make a backup; return the archive."""
        made = self.run("copconnect-backup", str(self._folder / "backups"))
        archive = Path(made.strip())
        assert stat.S_IMODE(archive.stat().st_mode) == 0o600
        return archive

    def restore(self, archive: Path, *, new_incarnation: bool = True) -> str:
        """Restore an archive; ``new_incarnation``: False leaves its last step out."""
        return self.run("copconnect-restore", str(archive), last_step=new_incarnation)

    def run(self, script: str, *arguments: str, last_step: bool = True) -> str:
        """Run a script; return what it printed. Raises RuntimeError with that if it fails."""
        program = self._program(f'exec "{sys.executable}" -m copconnect "$@"' if last_step else "")
        result = subprocess.run(
            [DEPLOY / script, *arguments],
            env={
                "PATH": f"{self._binaries}:{os.environ['PATH']}",
                "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
                "COPCONNECT_SETTINGS_FILE": str(self._settings),
                "COPCONNECT_PROGRAM": str(program),
                "COPCONNECT_PYTHON_PROGRAM": sys.executable,
            },
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise RuntimeError(result.stdout + result.stderr)
        return result.stdout

    def _program(self, command: str) -> Path:
        program = self._folder / "copconnect"
        program.write_text(f"#!/bin/sh\n{command}\n", "utf-8")
        program.chmod(0o755)
        return program

    def _postgresql_programs(self) -> Path:
        """Return a folder with the server's own versions of the clients that scripts call."""
        folder = self._folder / "postgresql"
        folder.mkdir(exist_ok=True)
        found = postgresql.installed_binaries()
        for name in ("pg_dump", "pg_restore", "psql"):
            link = folder / name
            if not link.exists():
                link.symlink_to(found / name)
        return folder
