"""The synthetic data bank: the same bytes each time, and nothing wrong with it."""

import hashlib
import unicodedata
from pathlib import Path

from typer.testing import CliRunner

from copconnect import wire
from copconnect.directory import databank
from copconnect.directory.names import spellings
from demo import synthetic
from demo.cli import app

SPOKEN = [{"LATIN"}, {"TELUGU"}, {"ARABIC"}, {"DEVANAGARI"}]


def scripts(names: wire.Names) -> list[set[str]]:
    """The scripts of each language's letters; the short codes in a name may be in Latin ones."""
    found = [
        {unicodedata.name(letter).split()[0] for letter in name if letter.isalpha()}
        for name in spellings(names)
    ]
    return [found[0], *(one - {"LATIN"} for one in found[1:])]


def test_a_synthetic_bank_is_the_same_each_time_and_good() -> None:
    first, second = synthetic.write(1500, 7), synthetic.write(1500, 7)
    assert first == second
    assert synthetic.write(1500, 8)["people"] != first["people"]
    bank = databank.read(first)
    assert bank.problems == []
    assert len(bank.people) == 1500
    assert len([unit for unit in bank.units if unit.level == "station"]) > 840
    spoken = [term.names for term in (*bank.levels, *bank.ranks, *bank.roles)]
    spoken += [unit.names for unit in bank.units]
    spoken += [names for person in bank.people for names in (person.names, person.post)]
    for names in spoken:
        assert scripts(names) == SPOKEN, names
    shown = [person for person in bank.people if person.unit == synthetic.SHOWN_STATION]
    assert len(shown) > synthetic.SHOWN_STAFF
    assert shown[0].roles == ("sho",)
    assert bank.people[4].number == "+917000000004"


def test_a_synthetic_bank_keeps_its_bytes() -> None:
    """A demo's folder is used again when count and seed are the same: so must the content be."""

    content = b"".join(synthetic.write(300, 1)[name] for name in ("people", "units"))
    assert hashlib.sha256(content).hexdigest()[:16] == "6de3ca4fdc1dddc6"


def test_the_command_writes_it(tmp_path: Path) -> None:
    written = CliRunner().invoke(
        app, ["data-bank", "--people", "60", "--seed", "1", "--out", str(tmp_path)]
    )
    assert written.exit_code == 0, written.output
    content = synthetic.write(60, 1)
    assert {path.stem: path.read_bytes() for path in tmp_path.iterdir()} == content
    few = CliRunner().invoke(app, ["data-bank", "--people", "3", "--out", str(tmp_path / "few")])
    assert few.exit_code == 1
    assert "number of people" in few.output
