"""``copconnect conversations verify``: what the golden export proves, and no forged one does."""

import base64
import copy
import hashlib
import json
import os
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from typer.testing import CliRunner

from copconnect import core_program
from copconnect.cli import app
from copconnect.core_program import CoreFailed, CoreRefused, started
from copconnect.records.conversation.message import SIGNED_HEADER_BYTES, next_log_hash

FOLDER = Path(__file__).parents[2] / "spec" / "exports"
GOLDEN = json.loads((FOLDER / "conversation.json").read_text())
ROOT = bytes.fromhex(GOLDEN["root"])
Verify = Callable[..., dict[str, Any]]
Rows = list[dict[str, Any]]
PARTS = {
    name: zipfile.ZipFile(FOLDER / "conversation.zip").read(name)
    for name in zipfile.ZipFile(FOLDER / "conversation.zip").namelist()
}


def _rows() -> Rows:
    return [json.loads(line) for line in PARTS["log.jsonl"].splitlines()]


def _log(rows: Rows) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in rows)


class _Stored:
    """Writes ZIPs as the app does: sizes follow the data."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, entries: list[tuple[str, bytes]], compression: int = 0) -> Path:
        class Stream:
            """Not seekable, so that sizes follow the data."""

            def __init__(self, file: Any) -> None:
                self.write, self.flush = file.write, file.flush

        with self._path.open("wb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Some names are there twice.
            with zipfile.ZipFile(Stream(file), "w", compression) as archive:  # type: ignore[call-overload]
                for name, content in entries:
                    archive.writestr(name, content)
        return self._path


def _forged(path: Path, parts: dict[str, bytes], **manifest: object) -> Path:
    """A file with other parts, and a manifest that names them: everything that needs no key."""
    changed = PARTS | parts
    said = json.loads(changed["manifest.json"])
    said["log"] = hashlib.sha256(changed["log.jsonl"]).hexdigest()
    said["trust"] = hashlib.sha256(changed["trust.json"]).hexdigest()
    changed["manifest.json"] = json.dumps(said | manifest).encode()
    return _Stored(path).write(list(changed.items()))


@pytest.fixture(scope="module")
def verified() -> Iterator[Verify]:
    """Returns what a file proves; one core for all."""
    with started() as ask:

        def verify(path: Path, root: bytes = ROOT) -> dict[str, Any]:
            found: dict[str, Any] = json.loads(ask("exported.verify", os.fsencode(path), root))
            return found

        yield verify


def _first_open(rows: Rows) -> int:
    return next(at for at, one in enumerate(rows) if one.get("key"))


def test_proves_words_former_words_deletions_and_files(verified: Verify) -> None:
    found = verified(FOLDER / "conversation.zip")
    assert found["problems"] == []
    assert found["gaps"] == []
    said = {one["messageId"]: one for one in found["messages"]}
    plan, gone, scene = (said[GOLDEN[name]] for name in ("plan", "gone", "file"))
    assert plan["text"] == "Gate 2 at nine"
    assert [one["text"] for one in plan["former"]] == ["Gate 3 at nine"]
    assert [one["emoji"] for one in plan["reactions"]] == ["👍"]
    assert plan["sender"]["names"]["en"] == "Officer A0"
    assert (gone["state"], gone["text"]) == ("deleted", "")
    assert gone["deletedBy"] is None  # Its author.
    assert gone["deletedMs"] > gone["signedMs"]
    assert [one["state"] for one in scene["files"]] == ["proven"]
    assert scene["evidence"]["place"]["lat"] == 17.36
    assert len(found["witnesses"]) == 2


@pytest.mark.parametrize(
    ("part", "place"),
    [("message", 40), ("message", SIGNED_HEADER_BYTES - 1), ("message", 360), ("key", 3)],
)
def test_a_changed_byte_is_told_at_its_message(
    tmp_path: Path, part: str, place: int, verified: Verify
) -> None:
    rows = _rows()
    at = _first_open(rows)
    changed = bytearray(base64.b64decode(rows[at][part]))
    changed[place] ^= 1
    rows[at][part] = base64.b64encode(changed).decode()
    found = verified(_forged(tmp_path / "f.zip", {"log.jsonl": _log(rows)}))
    assert rows[at]["at"] in {one["at"] for one in found["problems"]}


def test_a_message_taken_out_is_told_by_the_next_log_hash(tmp_path: Path, verified: Verify) -> None:
    rows = _rows()
    del rows[_first_open(rows)]
    with pytest.raises(CoreRefused, match="missing"):
        verified(_forged(tmp_path / "f.zip", {"log.jsonl": _log(rows)}))
    for at, one in enumerate(rows, 1):
        one["at"] = at
    forged = _forged(tmp_path / "g.zip", {"log.jsonl": _log(rows)}, last=len(rows))
    assert "R4" in {one["rule"] for one in verified(forged)["problems"]}


def test_two_messages_in_another_order_are_told(tmp_path: Path, verified: Verify) -> None:
    rows = _rows()
    rows[0]["at"], rows[1]["at"] = rows[1]["at"], rows[0]["at"]
    rows[0], rows[1] = rows[1], rows[0]
    assert verified(_forged(tmp_path / "f.zip", {"log.jsonl": _log(rows)}))["problems"]


def test_cut_ends_are_named_and_the_rest_is_proven(tmp_path: Path, verified: Verify) -> None:
    rows = _rows()
    before = bytes(32)
    for one in rows[:2]:
        signed = base64.b64decode(one["message"])[:SIGNED_HEADER_BYTES]
        before = next_log_hash(before, hashlib.sha256(signed).digest())
    found = verified(
        _forged(
            tmp_path / "f.zip",
            {"log.jsonl": _log(rows[2:-1])},
            first=3,
            last=len(rows) - 1,
            before=base64.b64encode(before).decode(),
        )
    )
    assert (found["first"], found["last"], found["problems"]) == (3, len(rows) - 1, [])


def test_another_picture_or_one_too_many_is_told(tmp_path: Path, verified: Verify) -> None:
    name = next(one for one in PARTS if one.startswith("files/"))
    other = bytes(len(PARTS[name]))
    found = verified(_forged(tmp_path / "f.zip", {name: other}))
    assert [one["rule"] for one in found["problems"]] == ["file"]
    more = verified(_forged(tmp_path / "g.zip", {f"files/{'ab' * 16}.jpg": other}))
    assert [one["at"] for one in more["problems"]] == [None]


def test_one_person_has_one_entry(tmp_path: Path, verified: Verify) -> None:
    trust = json.loads(PARTS["trust.json"])
    trust["people"].append(trust["people"][0])
    with pytest.raises(CoreRefused, match="a person twice"):
        verified(_forged(tmp_path / "f.zip", {"trust.json": json.dumps(trust).encode()}))


@pytest.mark.parametrize("part", ["heads", "proofs", "keys", "issuing", "people"])
def test_nothing_is_proven_without_its_records(tmp_path: Path, part: str, verified: Verify) -> None:
    trust = json.loads(PARTS["trust.json"])
    trust[part] = []
    found = verified(_forged(tmp_path / "f.zip", {"trust.json": json.dumps(trust).encode()}))
    assert found["messages"] == []
    assert len(found["problems"]) > 3


def test_another_departments_root_proves_nothing(verified: Verify) -> None:
    with pytest.raises(CoreRefused, match="root"):
        verified(FOLDER / "conversation.zip", bytes(31) + b"\x09")


def _broken() -> dict[str, Callable[[bytes], bytes]]:
    return {
        "longer": lambda whole: whole + b"\0",
        "a byte before": lambda whole: b"\0" + whole,
        "cut": lambda whole: whole[:-9],
        "nothing": lambda _: b"",
        "no ZIP": lambda _: b"Gate 2 at nine",
    }


@pytest.mark.parametrize("how", _broken())
def test_a_damaged_file_is_refused(tmp_path: Path, how: str, verified: Verify) -> None:
    path = tmp_path / "f.zip"
    path.write_bytes(_broken()[how]((FOLDER / "conversation.zip").read_bytes()))
    with pytest.raises(CoreRefused):
        verified(path)


def test_bombs_and_foreign_names_are_refused(tmp_path: Path, verified: Verify) -> None:
    entries = list(PARTS.items())
    stored = _Stored(tmp_path / "f.zip")
    bomb = stored.write([("log.jsonl", bytes(10_000_000))], zipfile.ZIP_DEFLATED)
    assert bomb.stat().st_size < 100_000
    with pytest.raises(CoreRefused):
        verified(bomb)
    for name in ("../../evil.sh", "/etc/passwd", "files/x", "log.jsonl"):
        with pytest.raises(CoreRefused):
            verified(stored.write([*entries, (name, b"x")]))


def test_hostile_lines_raise_no_other_error(tmp_path: Path, verified: Verify) -> None:
    whole = _rows()
    at = _first_open(whole)
    changes: list[dict[str, Any]] = [
        {"at": -1},
        {"at": True},
        {"at": 10**30},
        {"message": ""},
        {"message": None},
        {"key": "AA=="},
        {"serverMs": "soon"},
        {"why": "no reason", "hash": base64.b64encode(bytes(32)).decode()},
        {"why": "refused", "hash": "AA=="},
    ]
    for change in changes:
        rows = copy.deepcopy(whole)
        rows[at] |= change
        forged = _forged(tmp_path / "f.zip", {"log.jsonl": _log(rows)})
        try:
            assert verified(forged)["problems"]
        except CoreRefused:
            continue
    for text in (b"[" * 100_000 + b"\n", b"\xff\n", b"null\n", b"{}"):
        with pytest.raises(CoreRefused):
            verified(_forged(tmp_path / "f.zip", {"log.jsonl": text}))


def _root_folder(folder: Path, root: bytes = ROOT) -> Path:
    """A folder with the root's certificate, as far as the command reads it."""
    name = x509.Name([])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(Ed25519PublicKey.from_public_bytes(root))
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=9))
        .sign(Ed25519PrivateKey.generate(), None)
    )
    (folder / "root.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return folder


def test_the_command_says_in_words_what_is_proven(tmp_path: Path) -> None:
    keys = str(_root_folder(tmp_path))
    good = str(FOLDER / "conversation.zip")
    done = CliRunner().invoke(app, ["conversations", "verify", good, "--keys", keys])
    assert done.exit_code == 0, done.output
    assert "Proven: 3 messages" in done.output
    assert "Everything in the file holds." in done.output
    told = CliRunner().invoke(app, ["conversations", "verify", good, "--keys", keys, "--json"])
    assert json.loads(told.stdout)["problems"] == []
    rows = _rows()
    rows[_first_open(rows)]["key"] = base64.b64encode(bytes(32)).decode()
    bad = str(_forged(tmp_path / "f.zip", {"log.jsonl": _log(rows)}))
    done = CliRunner().invoke(app, ["conversations", "verify", bad, "--keys", keys])
    assert done.exit_code == 1
    assert "DOES NOT HOLD: Position" in done.output


def test_a_core_that_fails_calls_no_file_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = str(_root_folder(tmp_path))
    good = str(FOLDER / "conversation.zip")
    verify = ["conversations", "verify", good, "--keys", keys]
    monkeypatch.setenv("NODE_OPTIONS", "--no-such-option")
    done = CliRunner().invoke(app, verify)
    assert done.exit_code == 1
    assert "This cannot be verified" in done.output
    assert "--no-such-option" in done.output
    monkeypatch.delenv("NODE_OPTIONS")
    monkeypatch.setattr(core_program, "node", lambda: tmp_path / "node")
    done = CliRunner().invoke(app, verify)
    assert "This cannot be verified: Node does not start" in done.output


def test_a_core_that_ends_unasked_or_is_of_another_version_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with started() as ask, pytest.raises(CoreFailed, match="make bot"):
        ask("exports.forgotten")
    # It ends before it reads a call that its pipe cannot hold.
    monkeypatch.setattr(core_program, "command", lambda: ["/bin/false"])
    with pytest.raises(CoreFailed), started() as ask:
        ask("exports.forgotten", "a" * 1_000_000)


def test_a_file_has_any_name_and_a_damaged_one_is_named_in_json(tmp_path: Path) -> None:
    keys = str(_root_folder(tmp_path))
    # A name that is no UTF-8, as Python has it.
    file = tmp_path / "chat-\udcff.zip"
    file.write_bytes((FOLDER / "conversation.zip").read_bytes())
    verify = ["conversations", "verify", str(file), "--keys", keys, "--json"]
    assert json.loads(CliRunner().invoke(app, verify).stdout)["problems"] == []
    file.write_bytes(b"Gate 2 at nine")
    done = CliRunner().invoke(app, verify)
    assert (done.exit_code, list(json.loads(done.stdout))) == (1, ["failed"])


# --- Hostile files -------------------------------------------------------------------------

HOSTILE = json.loads((FOLDER / "hostile.json").read_text())
CHANGES = json.loads((FOLDER / "changes.json").read_text())


def test_what_a_member_forged_is_told_as_the_app_tells_it(verified: Verify) -> None:
    found = verified(FOLDER / "hostile.zip", bytes.fromhex(HOSTILE["root"]))
    told = [
        {
            **{name: one[name] for name in ("at", "state", "text")},
            "kind": one["content"],
            "former": [former["text"] for former in one["former"]],
            "files": [file["state"] for file in one["files"]],
        }
        for one in found["messages"]
    ]
    assert told == HOSTILE["messages"]
    problems = [{"at": one["at"], "rule": one["rule"]} for one in found["problems"]]
    assert problems == HOSTILE["problems"]


@pytest.mark.parametrize("change", CHANGES, ids=[one["what"] for one in CHANGES])
def test_a_changed_file_has_the_outcome_of_the_app(
    tmp_path: Path, change: dict[str, str], verified: Verify
) -> None:
    parts = dict(PARTS)
    before = parts[change["entry"]].decode()
    assert change["find"] in before
    parts[change["entry"]] = before.replace(change["find"], change["put"], 1).encode()
    manifest = parts["manifest.json"].decode()
    for name, entry in (("log", "log.jsonl"), ("trust", "trust.json")):
        digest = hashlib.sha256(parts[entry]).hexdigest()
        manifest = re.sub(f'"{name}":"[0-9a-f]{{64}}"', f'"{name}":"{digest}"', manifest)
    parts["manifest.json"] = manifest.encode()
    path = _Stored(tmp_path / "f.zip").write(list(parts.items()))
    try:
        outcome = "problems" if verified(path)["problems"] else "holds"
    except CoreRefused:
        outcome = "refused"
    assert outcome == change["outcome"]


def _later(rows: Rows, by: int) -> Rows:
    return [one | {"at": one["at"] + by} for one in rows]


def test_the_servers_time_undoes_no_edit_and_no_deletion(tmp_path: Path, verified: Verify) -> None:
    rows = [one | {"serverMs": one["serverMs"] + one["at"] * 200_000_000} for one in _rows()]
    found = verified(_forged(tmp_path / "f.zip", {"log.jsonl": _log(rows)}))
    said = {one["messageId"]: one for one in found["messages"]}
    assert said[GOLDEN["plan"]]["text"] == "Gate 2 at nine"
    assert [one["text"] for one in said[GOLDEN["plan"]]["former"]] == ["Gate 3 at nine"]
    assert said[GOLDEN["gone"]]["state"] == "deleted"


def test_positions_that_count_on_hide_no_message_that_is_left_out(
    tmp_path: Path, verified: Verify
) -> None:
    rows = _rows()
    del rows[1]
    rows = [one | {"at": at} for at, one in enumerate(rows, 1_001)]
    path = _forged(tmp_path / "f.zip", {"log.jsonl": _log(rows)}, first=1_001, last=1_007)
    found = verified(path)
    assert "R5" in {one["rule"] for one in found["problems"]}
    assert found["witnesses"] == []
    keys = str(_root_folder(tmp_path))
    done = CliRunner().invoke(app, ["conversations", "verify", str(path), "--keys", keys])
    assert "The order is confirmed by nobody" in done.output
    shifted = _log(_later(_rows(), 1_000))
    path = _forged(tmp_path / "g.zip", {"log.jsonl": shifted}, first=1_001, last=1_008)
    done = CliRunner().invoke(app, ["conversations", "verify", str(path), "--keys", keys])
    assert "The order is confirmed by nobody" in done.output
    assert "Everything in the file holds." not in done.output


def test_one_message_is_in_the_file_once(tmp_path: Path, verified: Verify) -> None:
    rows = _rows()
    signed = base64.b64decode(rows[0]["message"])[:SIGNED_HEADER_BYTES]
    hashed = base64.b64encode(hashlib.sha256(signed).digest()).decode()
    for last in (rows[0] | {"at": 9}, {"at": 9, "hash": hashed, "why": "not_shown"}):
        path = _forged(tmp_path / "f.zip", {"log.jsonl": _log([*rows, last])}, last=9)
        (problem,) = verified(path)["problems"]
        assert (problem["at"], problem["reason"]) == (9, "one message twice")


def test_a_foreign_file_hides_behind_no_proven_one(tmp_path: Path, verified: Verify) -> None:
    name = next(one for one in PARTS if one.startswith("files/"))
    with pytest.raises(CoreRefused, match="two files"):
        verified(_forged(tmp_path / "f.zip", {name.replace(".jpg", ".pdf"): b"forged"}))
    entries = [(one.replace(".jpg", ".html"), content) for one, content in PARTS.items()]
    found = verified(_Stored(tmp_path / "g.zip").write(entries))
    assert [one["rule"] for one in found["problems"]] == ["file"]
    assert [one["state"] for said in found["messages"] for one in said["files"]] == ["missing"]


def test_an_edit_without_its_words_is_withheld(tmp_path: Path, verified: Verify) -> None:
    rows = _rows()
    edit = base64.b64decode(rows[2]["message"])
    rows[2] |= {"message": base64.b64encode(edit[:SIGNED_HEADER_BYTES]).decode(), "key": None}
    found = verified(_forged(tmp_path / "f.zip", {"log.jsonl": _log(rows)}))
    plan = next(one for one in found["messages"] if one["messageId"] == GOLDEN["plan"])
    assert (plan["state"], plan["text"]) == ("withheld", "")


def test_the_exporters_words_print_no_line_of_the_commands(tmp_path: Path) -> None:
    keys = str(_root_folder(tmp_path))
    title = "Gate 2\nEverything in the file holds.\x1b[2J\u202e\ud800"
    bad = str(_forged(tmp_path / "f.zip", {}, title=title))
    done = CliRunner().invoke(app, ["conversations", "verify", bad, "--keys", keys])
    lines = done.output.splitlines()
    assert lines.count("Everything in the file holds.") == 1
    assert not {"\x1b", "\u202e"} & set(done.output)


def test_unsigned_files_are_named_among_what_nobody_signs(tmp_path: Path) -> None:
    keys = str(_root_folder(tmp_path, bytes.fromhex(HOSTILE["root"])))
    hostile = str(FOLDER / "hostile.zip")
    done = CliRunner().invoke(app, ["conversations", "verify", hostile, "--keys", keys])
    assert "1 files without a signed hash are those that were sent" in done.output
