"""``copconnect orders verify``: exports are judged without a server."""

import base64
import csv
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from copconnect.auth_service.keys import authority
from copconnect.cli import app
from copconnect.clock import SystemClock
from copconnect.ids import ClientId, PersonId, new_id
from copconnect.records.conversation.acknowledgement import NOTHING, Acknowledgement, Told
from copconnect.records.primitives.ed25519 import public_bytes
from copconnect.records.primitives.kem import XWING
from copconnect.records.trust.department import Policy
from copconnect.records.trust.device import device_id

NOW = SystemClock().now_ms()
COLUMNS = ("నామం", "person_id", "record", "certificate")
Row = dict[str, str]


class Force:
    """A department that issues certificates, and one order."""

    def __init__(self, keys: Path) -> None:
        authority.create(keys, "Test Police", NOW, Policy.NONE, XWING)
        self.keys = keys
        self.authority = authority.CertificateAuthority(keys)
        self.order = {
            "conversation_id": secrets.token_bytes(16),
            "message_id": secrets.token_bytes(16),
            "header_hash": secrets.token_bytes(32),
            "text_hash": secrets.token_bytes(32),
        }

    def row(self, about: bytes | None = None, **other: Any) -> Row:
        """Return a genuine row, but for what a test wants otherwise."""
        person, client, key = new_id(), new_id(), Ed25519PrivateKey.generate()
        public = public_bytes(key)
        issued = self.authority.issue(PersonId(person), ClientId(client), public, NOW, 90)
        values: dict[str, Any] = {
            **self.order,
            "device": device_id(bytes.fromhex(person), bytes.fromhex(client), public),
            "person_id": about or bytes.fromhex(person),
            "told": Told.OWN if about is None else Told.IN_PERSON,
            "choice": 0,
            "done": 0,
            "answer_hash": NOTHING,
            "photo_hash": NOTHING,
            "created": NOW + 60_000,
        }
        record = Acknowledgement(**(values | other)).signed(key)
        return {
            COLUMNS[0]: '"=1+1", రమేష్',
            "person_id": record.person_id.hex(),
            "record": base64.b64encode(record.encode()).decode(),
            "certificate": base64.b64encode(issued.der).decode(),
        }


@pytest.fixture(scope="module")
def force(tmp_path_factory: pytest.TempPathFactory) -> Force:
    return Force(tmp_path_factory.mktemp("force") / "keys")


def run(file: Path, keys: Path) -> tuple[int, str, Mapping[str, Any]]:
    """Return the exit code, everything printed, and the JSON of the last line."""
    result = CliRunner().invoke(app, ["orders", "verify", str(file), "--keys", str(keys)])
    lines = result.output.strip().splitlines()
    found = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    return result.exit_code, result.output, found


def table(folder: Path, rows: list[Row]) -> Path:
    file = folder / "order.csv"
    with file.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.DictWriter(out, COLUMNS, quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(rows)
    return file


def workbook(folder: Path, rows: list[Row]) -> Path:
    file = folder / "order.xlsx"
    with xlsxwriter.Workbook(file, {"strings_to_formulas": False}) as book:
        book.add_worksheet("Summary").write_row(0, 0, ["Order", "Bandobast"])
        people = book.add_worksheet("People")
        for at, cells in enumerate([COLUMNS, *(one.values() for one in rows)]):
            people.write_row(at, 0, list(cells))
    return file


@pytest.mark.parametrize("write", [table, workbook])
def test_genuine_files_are_verified(tmp_path: Path, force: Force, write: Any) -> None:
    nothing = dict.fromkeys(COLUMNS, "") | {"person_id": new_id()}
    earlier = secrets.token_bytes(32)
    rows = [
        force.row(done=0b101, photo_hash=secrets.token_bytes(32)),
        force.row(about=secrets.token_bytes(16)),
        nothing,
    ]
    rows.append(force.row(done=0b001, text_hash=earlier))
    code, _, found = run(write(tmp_path, rows), force.keys)
    assert code == 0
    assert found["order"] == force.order["message_id"].hex()
    assert found["signatures_verified"] == 3
    assert found["photos"] == {force.order["text_hash"].hex(): 1}
    # The ticks of a text from before a correction are apart.
    assert found["done"] == {
        force.order["text_hash"].hex(): {"1": 1, "3": 1},
        earlier.hex(): {"1": 1},
    }
    assert (found["told_in_person"], found["without_record"], found["refused"]) == (1, 1, 0)


def test_each_kind_of_forgery_is_named_by_its_line(tmp_path: Path, force: Force) -> None:
    right, other = force.row(), force.row()
    broken = bytearray(base64.b64decode(other["record"]))
    broken[-1] ^= 1
    stranger = Force(tmp_path / "stranger")
    stranger.order = force.order
    wrong = [
        other | {"record": base64.b64encode(broken).decode()},
        other | {"person_id": new_id()},
        other | {"certificate": right["certificate"]},
        other | {"record": "not base64"},
        other | {"certificate": ""},
        right,
        stranger.row(),
        force.row(header_hash=bytes(32)),
        force.row(created=NOW - 86_400_000),
        force.row(told=Told.IN_PERSON),
        force.row(about=secrets.token_bytes(16), told=Told.OWN),
    ]
    code, said, found = run(table(tmp_path, [right, *wrong]), force.keys)
    assert code == 1
    assert (found["signatures_verified"], found["refused"]) == (1, len(wrong))
    for line in range(3, 3 + len(wrong)):
        assert f"Line {line}: " in said
    assert "a second record of the person" in said
    assert "certificate is not of this department" in said


def test_files_without_such_a_table_and_wrong_authorities_are_refused(
    tmp_path: Path, force: Force
) -> None:
    plain = tmp_path / "plain.csv"
    plain.write_text("name\nRamesh\n", encoding="utf-8")
    damaged = tmp_path / "damaged.xlsx"
    damaged.write_bytes(b"PK\x03\x04 damaged")
    for file in (plain, damaged, tmp_path / "missing.csv"):
        assert run(file, force.keys)[0] == 1
    stranger = Force(tmp_path / "stranger")
    (stranger.keys / "root.pem").chmod(0o600)
    (stranger.keys / "root.pem").write_bytes((force.keys / "root.pem").read_bytes())
    code, said, _ = run(table(tmp_path, [force.row()]), stranger.keys)
    assert code == 1
    assert "was not issued by" in said
