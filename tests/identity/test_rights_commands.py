"""``copconnect admin rights show|set``."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from copconnect.cli import app


def run(*arguments: str, data: Path) -> Result:
    return CliRunner().invoke(app, [*arguments, "--data", str(data)])


def _shown(data: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("admin", "rights", "show", data=data).output)
    return found


def test_the_table_is_shown_changed_and_audited(data: Path, tmp_path: Path) -> None:
    table = _shown(data)
    line = {"right": "see_numbers", "holder": "rank", "code": "CI", "level": "", "over": "unit"}
    assert line not in table
    file = tmp_path / "rights.json"
    file.write_text(json.dumps([*table, line]), "utf-8")
    changed = run("admin", "rights", "set", str(file), data=data)
    assert changed.exit_code == 0, changed.output
    assert _shown(data) == [*table, line]
    assert "rights_set" in run("audit", "list", data=data).output


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"right": "fly"}, "fly"),
        ({"holder": "rank", "code": "KING"}, "no rank KING"),
        ({"holder": "role", "code": "wizard"}, "no role wizard"),
        ({"holder": "rank"}, "rank needs a code"),
        ({"code": "CI"}, "no head CI"),
        ({"level": "moon"}, "no level moon"),
        ({"over": "heads"}, "only see_numbers"),
        ({"right": "give_grants"}, "grants alone"),
        ({"right": "send_large", "holder": "grant"}, "posts alone"),
        ({"holder": "grant", "over": "unit"}, "all below"),
        ({"right": "send_large"}, "twice"),
    ],
)
def test_a_table_that_could_not_hold_changes_nothing(
    data: Path, tmp_path: Path, line: dict[str, str], said: str
) -> None:
    before = _shown(data)
    file = tmp_path / "rights.json"
    usual = {"right": "enrol", "holder": "head", "code": "", "level": "", "over": "part"}
    file.write_text(json.dumps([*before, usual | line]), "utf-8")
    refused = run("admin", "rights", "set", str(file), data=data)
    assert refused.exit_code == 1
    assert said in " ".join(refused.output.split())
    assert _shown(data) == before


@pytest.mark.parametrize("right", ["confirm_devices", "revoke_devices", "give_grants"])
def test_a_table_that_would_lock_everybody_out_changes_nothing(
    data: Path, tmp_path: Path, right: str
) -> None:
    before = _shown(data)
    file = tmp_path / "rights.json"
    file.write_text(json.dumps([one for one in before if one["right"] != right]), "utf-8")
    refused = run("admin", "rights", "set", str(file), data=data)
    assert refused.exit_code == 1
    assert f"nobody would have {right}" in " ".join(refused.output.split())
    assert _shown(data) == before


def test_before_the_server_has_ever_run_nobody_has_a_grant(data: Path) -> None:
    assert "Nobody has a grant" in run("admin", "grants", data=data).output
    assert "no unit NOWHERE" in run("admin", "grants", "NOWHERE", data=data).output
    key = str(data / "keys" / "root.key.pem")
    chief = "+917000000000"
    assert "register it first" in run("admin", "grant", chief, key, data=data).output
    withdrawn = run("admin", "grant", chief, key, "--withdraw", data=data)
    assert "No device of this person" in withdrawn.output
