"""Two releases of this tree, and a server that runs in an environment as the docs install it.

The second release has a higher version and its own migration. The environment sees the
packages that this one has, without copconnect itself: pip finds what ``requirements.txt`` pins
there, and fetches nothing.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from alembic.script import ScriptDirectory

import copconnect
from copconnect.services import processes
from tests.deploy.installed import ROOT

DOCUMENT = ROOT / "docs" / "operations.md"
_COPIED = ("src", "make", "requirements", "pyproject.toml", "README.md", "LICENSE")
_MIGRATION = '''"""A column that only this test has."""

import sqlalchemy as sa
from alembic import op

revision = "trial"
down_revision = "{newest}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attachments", sa.Column("trial", sa.Integer(), server_default="7"))
'''
_BEFORE = '    Column("doomed", Boolean, nullable=False),\n'
_COLUMN = '    Column("trial", Integer, server_default="7"),\n'
_DAY_S = 24 * 3600
_LIMIT_S = 120


def commands_of(heading: str) -> list[str]:
    """Return the lines of the first block of commands below a heading of docs/operations.md."""
    text = DOCUMENT.read_text("utf-8")
    block = text[text.index(heading) :].split("```\n")[1]
    return [line.split("  #")[0].strip() for line in block.splitlines()]


class Releases:
    """A copy of this tree under version control, from which wheels are built."""

    def __init__(self, folder: Path) -> None:
        self._tree = folder / "tree"
        self._folder = folder
        self._tree.mkdir()
        unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info", "test_*.py")
        for name in _COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, self._tree / name, ignore=unwanted)
            else:
                shutil.copy(source, self._tree / name)
        (self._tree / ".gitignore").write_text("build/\n*.egg-info/\n", "utf-8")
        self._git("init", "--quiet")
        self._days = 2

    def release(self) -> Path:
        """Commit the tree a day after the former release; return the folder that is carried."""
        when = f"{int(time.time()) - self._days * _DAY_S} +0000"
        self._days -= 1
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message=A release", when=when)
        to = self._folder / f"release-{self._days}"
        subprocess.run(
            [self._tree / "make" / "built-wheel", to],
            cwd=self._tree,
            env=os.environ | {"PYTHON": sys.executable},
            check=True,
        )
        (to / "packages").mkdir()
        shutil.copy(self._tree / "requirements" / "runtime.txt", to / "requirements.txt")
        _run("sha256sum *.whl requirements.txt >SHA256SUMS", to, os.environ)
        return to

    def add_migration(self, newest: str) -> None:
        """Give the tables another column, and its migration after the newest one."""
        package = self._tree / "src" / "copconnect"
        migration = package / "migrations" / "versions" / "trial.py"
        migration.write_text(_MIGRATION.format(newest=newest), "utf-8")
        store = package / "attachments" / "store.py"
        text = store.read_text("utf-8")
        assert text.count(_BEFORE) == 1
        store.write_text(text.replace(_BEFORE, _COLUMN + _BEFORE), "utf-8")

    def _git(self, *arguments: str, when: str = "") -> None:
        dated = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when} if when else {}
        who = ("-c", "user.name=Test", "-c", "user.email=test@example.in")
        command = ["git", *who, *arguments]
        subprocess.run(command, cwd=self._tree, env=os.environ | dated, check=True)


class Machine:
    """A machine that serves from its own environment: ``/opt/copconnect`` of the docs is
    ``environment`` here, and ``systemctl`` stops and starts the server."""

    def __init__(
        self, folder: Path, data: Path, port: int, settings: Mapping[str, int] | None = None
    ) -> None:
        self._folder = folder
        self._log = folder / "served.log"
        self._environment = folder / "environment"
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self.backups = folder / "backups-of-upgrades"
        self._variables = {
            "COPCONNECT_DATA_DIR": str(data),
            "COPCONNECT_SMS_GATEWAY_URL": "http://127.0.0.1:9/send",  # Nobody asks for a code.
            "COPCONNECT_PORT": str(port),
            **{
                f"COPCONNECT_{name.upper()}": str(value) for name, value in (settings or {}).items()
            },
        }
        programs = folder / "programs"
        programs.mkdir()
        self._restart = folder / "restart"  # There as long as a restart is waited for.
        waiting = f'while [ -e "{self._restart}" ]; do sleep 0.1; done'
        _program(programs / "systemctl", f'echo "$@" >"{self._restart}"; {waiting}')
        # The doctor finds that this machine has no gateway and no NTP.
        binary = self._environment / "bin" / "copconnect"
        _program(programs / "copconnect", f'"{binary}" "$@" || [ "$1" = doctor ]')
        self._path = f"{programs}:{os.environ['PATH']}"

    def install(self, release: Path) -> None:
        """Install by the commands of the docs that make the environment and fill it."""
        commands = commands_of("**2. Install**")
        self.run(release, [line for line in commands if line.startswith("python3 -m venv")])
        self._show_packages()
        _program(self._environment / "bin" / "pip", '"${0%/pip}/python" -m pip "$@"')
        self.run(release, [line for line in commands if "/bin/pip" in line])

    def upgrade(self, release: Path) -> str:
        """Run the commands of the docs, word by word; return what they printed."""
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(self.run, release, commands_of("## Upgrading"))
            wait_for = time.monotonic() + _LIMIT_S
            while not self._restart.exists() and not running.done():
                assert time.monotonic() < wait_for
                time.sleep(0.05)
            if not running.done():
                self.stop()
                self.start()
                self._restart.unlink()
            return running.result()

    def run(self, release: Path, commands: list[str]) -> str:
        """Run commands of the docs in a release's folder; return what they printed."""
        assert commands
        script = "\n".join(commands)
        for place, here in (
            ("/opt/copconnect", self._environment),
            ("/var/backups/copconnect", self.backups),
            # The environment sees this one's pip: to install another takes three seconds.
            ("python3 -m venv ", f"{sys.executable} -m venv --without-pip "),
        ):
            script = script.replace(place, str(here))
        kept = {"HOME": str(self._folder), "PATH": self._path, "LC_ALL": "C.UTF-8"}
        return _run(script, release, kept | self._variables)

    def version(self) -> str:
        """Return the version of copconnect that pip has installed."""
        return self.run(self._folder, ["/opt/copconnect/bin/pip show copconnect"]).split()[3]

    def start(self) -> None:
        """Serve; returns when /healthz answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._environment / "bin" / "copconnect", "serve"],
                env={"PATH": self._path, **self._variables},
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
        processes.wait_until(self._is_healthy, self._process, self._log, 60)

    def stop(self) -> None:
        """Stop as systemd does."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def _is_healthy(self) -> bool:
        # To ask reads the machine's certificates first, which takes 20 ms of a processor each time.
        if not processes.accepts(self._port):
            return False
        try:
            return httpx.get(f"http://localhost:{self._port}/healthz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def _show_packages(self) -> None:
        """Let the environment see this one's packages, without copconnect."""
        shown = self._folder / "shown-packages"
        shown.mkdir()
        for package in Path(httpx.__file__).parents[1].iterdir():
            if "copconnect" not in package.name and package.suffix != ".pth":
                (shown / package.name).symlink_to(package)
        (packages,) = self._environment.glob("lib/python*/site-packages")
        (packages / "shown.pth").write_text(f"{shown}\n", "utf-8")


def newest_migration() -> str:
    """Return the newest migration of this tree."""
    folder = Path(copconnect.__file__).parent / "migrations"
    newest = ScriptDirectory(str(folder)).get_current_head()
    assert newest is not None
    return newest


def _program(file: Path, command: str) -> None:
    file.write_text(f"#!/bin/sh\n{command}\n", "utf-8")
    file.chmod(0o755)


def _run(script: str, folder: Path, environment: dict[str, str] | os._Environ[str]) -> str:
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=folder,
        env=dict(environment),
        capture_output=True,
        text=True,
        umask=0o077,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done.stdout
