"""``copconnect directory reorganise|reorganisations|undo-reorganisation``."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from copconnect.cli import app


def run(*arguments: str, data: Path) -> Result:
    return CliRunner().invoke(app, [*arguments, "--data", str(data)])


def _steps(folder: Path, *steps: dict[str, Any]) -> str:
    file = folder / "steps.json"
    file.write_text(json.dumps({"steps": steps}))
    return str(file)


MERGE = {"step": "merge_units", "unitId": "TG-HYD-PS001", "into": "TG-HYD-PS002"}


def test_units_are_reorganised_listed_and_restored(data: Path, tmp_path: Path) -> None:
    steps = _steps(tmp_path, MERGE)
    dry = run("directory", "reorganise", steps, "--dry-run", data=data)
    assert dry.exit_code == 0, dry.output
    assert "merged: TG-HYD-PS001 Charminar PS into TG-HYD-PS002" in dry.output
    assert "15 people go from TG-HYD-PS001 to TG-HYD-PS002" in dry.output
    assert "TG-HYD-PS001" in run("directory", "places", "7000000008", data=data).output
    done = run("directory", "reorganise", steps, data=data)
    assert "undo-reorganisation 1" in done.output
    assert "TG-HYD-PS002" in run("directory", "places", "7000000008", data=data).output
    assert "merged" in run("directory", "reorganisations", data=data).output
    undone = run("directory", "undo-reorganisation", "1", data=data)
    assert "Reorganisation 2 undid reorganisation 1." in undone.output
    assert "TG-HYD-PS001" in run("directory", "places", "7000000008", data=data).output
    again = run("directory", "undo-reorganisation", "1", data=data)
    assert (again.exit_code, "was undone" in again.output) == (1, True)
    assert "none changed" in run("audit", "verify", data=data).output


def test_what_is_wrong_is_said_for_each_step(data: Path, tmp_path: Path) -> None:
    wrong = _steps(
        tmp_path,
        {"step": "remove_unit", "unitId": "TG-HYD-PS001"},
        {"step": "move_unit", "unitId": "TG-HYD", "parentId": "NOWHERE"},
    )
    refused = run("directory", "reorganise", wrong, data=data)
    assert refused.exit_code == 1
    assert "step 1: not_empty: TG-HYD-PS001" in refused.output
    assert "step 2: unit_unknown: NOWHERE" in refused.output
    for content in ("{", '{"steps": []}', '{"steps": [{"step": "explode"}]}'):
        (tmp_path / "steps.json").write_text(content)
        assert run("directory", "reorganise", wrong, data=data).exit_code == 1
    assert run("directory", "reorganise", str(tmp_path / "none"), data=data).exit_code == 1


def test_an_undo_says_what_stands_against_it(data: Path, tmp_path: Path) -> None:
    run("directory", "reorganise", _steps(tmp_path, MERGE), data=data)
    place = ("--unit", "TG-HYD-Z1", "--post", "Zone Writer")
    assert run("directory", "transfer", "7000000008", *place, data=data).exit_code == 0
    refused = run("directory", "undo-reorganisation", "1", data=data)
    assert (refused.exit_code, "changed since: person" in refused.output) == (1, True)
