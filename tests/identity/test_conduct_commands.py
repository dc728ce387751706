"""``copconnect conduct show|publish|policy``."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from copconnect.cli import app


def run(*arguments: str, data: Path) -> Result:
    return CliRunner().invoke(app, ["conduct", *arguments, "--data", str(data)])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    made = CliRunner().invoke(app, ["init", "--department", "Test Police", "--data", str(folder)])
    assert made.exit_code == 0
    return folder


def test_an_operator_shows_and_publishes_the_code(data: Path, tmp_path: Path) -> None:
    texts = json.loads(run("show", data=data).output)
    file = tmp_path / "code.json"
    texts[1]["rules"][0] = "కొత్త నియమం"
    file.write_text(json.dumps(texts), "utf-8")
    published = run("publish", str(file), data=data)
    assert "Version 2 is in force. Everybody is asked" in published.output
    assert json.loads(run("show", data=data).output) == texts
    assert json.loads(run("show", "--version", "1", data=data).output) != texts
    corrected = run("publish", str(file), "--correction", data=data)
    assert "Version 3 is in force. Nobody is asked again" in corrected.output
    assert run("show", "--version", "9", data=data).exit_code == 1

    file.write_text(json.dumps(texts[:2]), "utf-8")
    refused = run("publish", str(file), data=data)
    assert refused.exit_code == 1
    assert "Nothing was changed" in refused.output
    assert "language: ur, reason: missing" in " ".join(refused.output.split())
    assert run("publish", str(tmp_path / "none.json"), data=data).exit_code == 1


def test_an_operator_sets_the_policy_under_the_next_number(data: Path, tmp_path: Path) -> None:
    policy = json.loads(run("policy", data=data).output)
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(policy | {"large_from": 64}), "utf-8")
    assert "Policy 2 is in force" in run("policy", str(file), data=data).output
    assert json.loads(run("policy", data=data).output) == policy | {"large_from": 64, "number": 2}
    file.write_text(json.dumps(policy | {"large_from": 0}), "utf-8")
    refused = run("policy", str(file), data=data)
    assert (refused.exit_code, "Nothing was changed" in refused.output) == (1, True)
