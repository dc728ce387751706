"""``copconnect directory transfer|charge|end-charge|places|posts``."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from copconnect.cli import app
from tests.identity.running import PATROL

PERSON = PATROL.removeprefix("+91")


def run(*arguments: str, data: Path) -> Result:
    return CliRunner().invoke(app, [*arguments, "--data", str(data)])


def directory(*arguments: str, data: Path) -> Result:
    return run("directory", *arguments, data=data)


def test_a_transfer_and_a_charge_by_hand(data: Path) -> None:
    zone = ("--unit", "TG-HYD-Z1", "--post", "Zone Writer")
    moved = directory("transfer", PERSON, *zone, "--role", "writer", data=data)
    assert moved.exit_code == 0, moved.output
    station = ("--unit", "TG-HYD-PS001", "--post", "SHO", "--role", "sho", "--head")
    given = directory("charge", PERSON, *station, "--officiating", data=data)
    assert given.exit_code == 0, given.output
    shown = directory("places", PERSON, data=data).output
    assert "Zone Writer" in shown
    assert "officiating" in shown
    number = given.output.split()[1].rstrip(":")
    assert directory("end-charge", PERSON, number, data=data).exit_code == 0
    assert "officiating" not in directory("places", PERSON, data=data).output
    again = directory("end-charge", PERSON, number, data=data)
    assert (again.exit_code, "not open" in again.output) == (1, True)


def test_posts_are_listed_and_named_by_their_ids(data: Path) -> None:
    def posts(*arguments: str) -> list[list[str]]:
        listed = directory("posts", *arguments, data=data)
        assert listed.exit_code == 0, listed.output
        rows = [line.split("│") for line in listed.output.splitlines() if "│" in line]
        return [[cell.strip() for cell in row] for row in rows]

    station = ("--unit", "TG-HYD-PS001")
    (post_id, *_), *_ = [row[1:] for row in posts(*station) if "yes" in row]
    assert posts(*station, "--vacant") == []
    left = ("--unit", "TG-HYD-PS001", "--post", "Post of one")
    assert directory("transfer", PERSON, *left, data=data).exit_code == 0
    moved = directory("transfer", PERSON, "--unit", "TG-HYD-Z1", "--post", "Z", data=data)
    assert moved.exit_code == 0, moved.output
    (vacant,) = posts(*station, "--vacant")
    assert vacant[3:-1] == ["Post of one", "", "vacant"]
    given = directory("charge", PERSON, "--post-id", post_id, data=data)
    assert given.exit_code == 0, given.output
    assert any("additional" in "".join(row) for row in posts(*station))
    unknown = directory("charge", PERSON, "--post-id", "ffffffff", data=data)
    assert (unknown.exit_code, "No posts" in unknown.output) == (1, True)
    both = directory("charge", PERSON, "--post-id", post_id, *station, data=data)
    assert (both.exit_code, "names the whole post" in both.output) == (1, True)
    neither = directory("charge", PERSON, data=data)
    assert (neither.exit_code, "--post-id" in neither.output) == (1, True)
    assert "no unit NOWHERE" in directory("posts", "--unit", "NOWHERE", data=data).output


def test_a_number_that_is_none_is_refused(data: Path) -> None:
    refused = directory("charge", "12", "--unit", "TG", "--post", "X", data=data)
    assert (refused.exit_code, refused.output.strip()) == (2, "12 is not a phone number.")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("transfer", PERSON, "--unit", "NOWHERE", "--post", "X"), "no such unit NOWHERE"),
        (("transfer", PERSON, "--unit", "TG", "--post", "X", "--role", "w"), "no such role w"),
        (("transfer", PERSON, "--unit", "TG", "--post", "X", "--rank", "w"), "no such rank w"),
        (("transfer", "7999999999", "--unit", "TG", "--post", "X"), "Nobody active"),
        (("places", "7999999999"), "nobody with the number"),
    ],
)
def test_what_cannot_be_done_is_said(data: Path, arguments: tuple[str, ...], said: str) -> None:
    refused = directory(*arguments, data=data)
    assert refused.exit_code == 1
    assert said in " ".join(refused.output.split())
