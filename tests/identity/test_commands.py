"""The ``copconnect`` command as operators run it: real processes on real folders."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from copconnect import wire
from copconnect.audit import exported
from copconnect.auth_service import rules
from copconnect.auth_service.keys.authority import CertificateAuthority
from copconnect.ids import new_id
from copconnect.records.primitives.fields import sha256
from copconnect.records.primitives.kem import XWING
from copconnect.records.trust.department import Department, Policy
from copconnect.records.trust.time_record import TimeRecord
from demo import data_bank, synthetic
from tests.harness import databank
from tests.harness.officer import Device, Refused
from tests.harness.server import ServerProcess, run_copconnect
from tests.harness.waiting import until
from tests.identity.commanding import begun, run, words

ROOT = Path(__file__).parents[2]


@pytest.fixture
def data(tmp_path: Path) -> str:
    return begun(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a folder away")
def test_commands_refuse_to_run_as_another_account(data: str, tmp_path: Path) -> None:
    databank.write(tmp_path / "bank")
    os.chown(data, 65534, 65534)
    number = "7000000000"
    for command in (
        ("admin", "suspend", number),
        ("audit", "list"),
        ("serve",),
        ("directory", "import", str(tmp_path / "bank")),
    ):
        refused = run(*command, "--data", data)
        assert refused.exit_code == 1, command
        assert "sudo -u nobody copconnect" in words(refused), command


def test_the_audit_log_names_the_person_before_sudo(
    data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "asha")
    assert run("admin", "new-incarnation", "--data", data).exit_code == 0
    (line,) = run("audit", "list", "--data", data).output.splitlines()
    assert json.loads(line)["by"] == "operator asha"


def test_init_never_overwrites(data: str) -> None:
    result = run("init", "--department", "Test Police", "--data", data)
    assert result.exit_code == 1
    assert "already" in result.output


def test_init_says_who_confirms_devices(tmp_path: Path) -> None:
    for policy, said, wanted in (
        ("approval", "admin grant", Policy.APPROVAL),
        ("none", "Policy none", Policy.NONE),
    ):
        folder = tmp_path / policy
        named = ("init", "--department", "Test Police")
        result = run(*named, "--policy", policy, "--data", str(folder))
        assert said in result.output
        (record,) = CertificateAuthority(folder / "keys").departments
        assert (record.policy, record.kem, record.admins) == (wanted, XWING, ())
    assert run(*named, "--policy", "perhaps", "--data", str(tmp_path / "x")).exit_code == 2
    assert run(*named, "--data", str(tmp_path / "y")).exit_code == 0
    (record,) = CertificateAuthority(tmp_path / "y" / "keys").departments
    assert record.policy == Policy.APPROVAL  # By default.


def test_init_takes_the_departments_name_and_says_that_it_stays(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    unnamed = run("init", "--data", str(folder))
    assert unnamed.exit_code == 1
    assert "cannot be changed later" in words(unnamed)
    for name in ("", "x" * 41, "two\nlines"):
        refused = run("init", "--department", name, "--data", str(folder))
        assert refused.exit_code == 1
        assert "1 to 40 printable characters" in words(refused)
    assert not (folder / "keys").exists()  # Nothing was made.
    made = run("init", "--department", " తెలంగాణ పోలీస్ ", "--data", str(folder))
    assert made.exit_code == 0
    assert "This name and these keys are the department's from now on" in words(made)
    assert CertificateAuthority(folder / "keys").department == "తెలంగాణ పోలీస్"


def test_a_server_says_where_and_for_whom_it_serves(server: ServerProcess) -> None:
    log = server.log.read_text("utf-8")
    assert f"Serving Test Police on http://127.0.0.1:{server.port} with 1 process." in log
    assert "Policy none: NOBODY confirms a person's first device" in log
    (said,) = [json.loads(line) for line in log.splitlines() if '"serving"' in line]
    assert said["department"] == "Test Police"
    assert said["policy"] == "none"
    assert said["sms_gateway"] == "the demo's outbox"
    assert said["database"].startswith("sqlite+aiosqlite:///")


@pytest.mark.parametrize("command", [("serve",), ("admin", "suspend", "7000000000")])
def test_a_database_that_is_not_there_is_one_sentence(data: str, command: tuple[str, ...]) -> None:
    settings = {
        "database_url": "postgresql+asyncpg://cop:secret@127.0.0.1:9/cop",
        "sms_gateway_url": "http://127.0.0.1:9/",
    }
    with pytest.raises(RuntimeError) as refused:
        run_copconnect(Path(data), *command, **settings)
    said = " ".join(str(refused.value).split())
    assert "[Errno 111]" in said
    assert "`copconnect doctor` says more." in said
    assert "Traceback" not in said
    assert "secret" not in said


def test_a_wrong_setting_ends_a_command_with_its_name_and_its_choices(
    data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COPCONNECT_SECOND_FACTOR", "letter")
    refused = run("serve", "--data", data)
    assert refused.exit_code == 2
    assert "COPCONNECT_SECOND_FACTOR takes none or enrolment_code." in refused.output


def test_a_root_admin_is_named_while_the_server_runs(
    make_server: Callable[..., ServerProcess],
) -> None:
    server = make_server(otp_resend_ms=0)
    officer = databank.officers()[0]
    key = server.data / "keys" / "root.key.pem"
    offline = server.data.parent / "offline.pem"
    key.rename(offline)
    name = ("admin", "grant", officer.number, str(offline))
    with pytest.raises(RuntimeError, match="register it first"):
        run_copconnect(server.data, *name)
    with Device(server, officer) as first, Device(server, officer) as second:
        first.register()
        assert "record 2" in run_copconnect(server.data, *name)
        until(lambda: first.me().confirmed == "root_admin", "naming the root admin")
        trust = first.call("GET", "/v1/trust", None, wire.Trust)
        newest = Department.parse(trust.departments[-1])
        assert (newest.number, newest.admins) == (2, (first.device,))
        assert "record 2" in run_copconnect(server.data, *name)  # Again: nothing new.
        second.register()
        with pytest.raises(RuntimeError, match="--client"):
            run_copconnect(server.data, *name)
        wrong = str(server.data / "keys" / "issuing.key.pem")
        with pytest.raises(RuntimeError, match="not a record of this department"):
            run_copconnect(server.data, *name[:3], wrong, "--client", second.client_id)
        chosen = run_copconnect(server.data, *name, "--client", second.client_id)
        assert "record 3" in chosen
        listed = run_copconnect(server.data, "admin", "list-clients", officer.number)
        assert "a root admin's" in listed
        granted = run_copconnect(server.data, "admin", "grants")
        assert f"the whole department  {officer.name}" in granted
        with pytest.raises(RuntimeError, match="--client"):
            run_copconnect(server.data, *name, "--withdraw")
        first_alone = (*name, "--withdraw", "--client", first.client_id)
        withdrawn = run_copconnect(server.data, *first_alone)
        assert "record 4 no longer names" in withdrawn
        assert "Fewer than two" in withdrawn
        until(lambda: first.me().confirmed != "root_admin", "withdrawing the root admin")
        assert "record 5" in run_copconnect(server.data, *name, "--withdraw")
        with pytest.raises(RuntimeError, match="No device of this person"):
            run_copconnect(server.data, *name, "--withdraw")
        assert "Nobody has a grant" in run_copconnect(server.data, "admin", "grants")
        log = run_copconnect(server.data, "audit", "list")
        assert log.count("root_admin_withdrawn") == 2


def test_under_policy_none_an_operators_removal_shows_who_waits_and_lets_nobody_in(
    make_server: Callable[..., ServerProcess],
) -> None:
    server = make_server(otp_resend_ms=0)
    people = databank.officers()
    with (
        Device(server, people[0]) as chief,
        Device(server, people[7]) as lost,
        Device(server, people[7]) as waiting,
    ):
        for device in (chief, lost, waiting):
            device.register()
        assert (lost.me().confirmed, waiting.me().confirmed) == ("first", "no")
        said = run_copconnect(server.data, "admin", "revoke-client", lost.client_id)
        assert f"Waits, confirmed by nobody: {waiting.client_id}" in said
        assert "No phone of this person is confirmed now" in said
        assert "copconnect admin grant" in said
        # The running server learns of the removal within a second.
        until(lambda: _is_out(lost), "signing the lost phone out")
        assert waiting.me().confirmed == "no"
        # The way in without an admin: the root names one, who confirms.
        chief.become_root_admin()
        chief.endorse(waiting.device, lost.device)
        assert waiting.me().confirmed == "admin"


def _is_out(device: Device) -> bool:
    try:
        device.me()
    except Refused as refused:
        return refused.body.code == "signed_out"
    return False


def test_rights_descend_from_the_root_to_a_constable(
    make_server: Callable[..., ServerProcess],
) -> None:
    """As a department begins: the root names the first admin, who grants a station."""
    server = make_server(department_policy="approval", otp_resend_ms=0)
    people = databank.officers()
    with (
        Device(server, people[0]) as chief,
        Device(server, people[1]) as sho,
        Device(server, people[7]) as constable,
    ):
        for device in (chief, sho, constable):
            device.register()
            assert device.me().confirmed == "no"
        with pytest.raises(Refused, match="endorsement_invalid"):
            chief.endorse(sho.device)
        chief.become_root_admin()
        chief.endorse(sho.device)
        assert sho.me().confirmed == "admin"
        with pytest.raises(Refused, match="endorsement_invalid"):
            sho.endorse(constable.device)
        chief.grant(sho.person_id, "TG/HYD/HYD-SOUTH/HYD-AFZA")
        assert sho.person_id in [one.person_id for one in constable.me().confirmers]
        sho.endorse(constable.device)
        assert constable.me().confirmed == "admin"


def test_a_bad_row_stops_the_import(data: str, tmp_path: Path) -> None:
    bank = tmp_path / "bank"
    databank.write(bank)
    people = bank / "people.csv"
    lines = people.read_text("utf-8").splitlines()
    lines[3] = lines[3].replace(",PC,", ",XX,").replace(",SI,", ",XX,")
    people.write_text("\n".join(lines) + "\n", "utf-8")
    found = tmp_path / "problems.jsonl"
    result = run("directory", "import", str(bank), "--data", data, "--problems", str(found))
    assert result.exit_code == 1
    assert "people.csv:4: rank_unknown: There is no rank XX." in result.output
    assert json.loads(found.read_text("utf-8")) == {
        "file": "people.csv",
        "line": 4,
        "code": "rank_unknown",
        "column": "rank",
        "value": "XX",
        "suggestions": [],
    }
    assert run("admin", "suspend", "7000000005", "--data", data).exit_code == 1  # Not stored.
    both = ("--partial", "--remove-missing")
    assert run("directory", "import", str(bank), "--data", data, *both).exit_code == 1
    partial = run("directory", "import", str(bank), "--data", data, "--partial")
    assert partial.exit_code == 0
    assert "299" in partial.output
    # people.csv alone, with the stored units.
    again = run("directory", "import", str(people), "--data", data, "--partial", "--dry-run")
    assert again.exit_code == 0
    assert "299" in again.output


def test_a_roll_of_a_department_is_imported_moved_listed_and_undone(
    data: str, tmp_path: Path
) -> None:
    bank = tmp_path / "bank"
    databank.write(bank)
    at = ("--data", data)
    assert run("directory", "import", str(bank), *at).exit_code == 0
    out = tmp_path / "all.xlsx"
    assert "300 people" in run("directory", "export", str(out), *at).output
    assert out.stat().st_mode & 0o077 == 0
    assert run("directory", "diff", str(out), *at).exit_code == 0
    officer = databank.officers()[5]
    roll = tmp_path / "roll.csv"
    text = f"Emp No;Call them on\n{officer.code};+91 70000 99999\n"
    roll.write_bytes(text.encode("utf-16"))
    unsure = run("directory", "import", str(roll), *at)
    assert unsure.exit_code == 1
    assert "--map" in unsure.output
    named = ("--map", "number=Call them on")
    differs = run("directory", "diff", str(roll), *at, *named)
    assert differs.exit_code == 1
    assert f"changed: {officer.code}" in differs.output
    assert "+917000099999" in differs.output
    assert "import 2" in run("directory", "import", str(roll), *at, *named).output.lower()
    assert "roll.csv" in run("directory", "imports", *at).output
    missing = run("directory", "import", str(roll), *at, "--remove-missing", "--dry-run")
    assert f"removed: {databank.officers()[6].code}" in missing.output
    many = run("directory", "import", str(roll), *at, "--remove-missing")
    assert "299 of 300" in many.output
    assert run("directory", "undo", "2", *at).exit_code == 0
    assert run("directory", "diff", str(out), *at).exit_code == 0
    assert run("directory", "undo", "2", *at).exit_code == 1
    damaged = tmp_path / "x.xlsx"
    damaged.write_bytes(out.read_bytes()[:3000])
    assert "damaged" in run("directory", "import", str(damaged), *at).output


def test_wrong_input_ends_with_a_sentence(data: str, tmp_path: Path) -> None:
    assert "not a phone number" in run("admin", "suspend", "12", "--data", data).output
    key = str(Path(data) / "keys" / "root.key.pem")
    assert "Nobody" in run("admin", "grant", "7000000000", key, "--data", data).output
    revoke = ("admin", "revoke-client")
    assert "No device has an id" in words(run(*revoke, "0" * 32, "--data", data))
    assert "is not a device's id" in words(run(*revoke, "phone", "--data", data))
    empty = run("admin", "suspend", "7000000000", "--data", str(tmp_path / "none"))
    assert "copconnect init" in words(empty)
    assert "GATEWAY" in run("serve", "--data", data).output


def test_nobody_else_on_the_machine_reads_what_is_written(server: ServerProcess) -> None:
    written = [path for path in server.data.rglob("*") if "blobs" not in path.name]
    assert any(path.suffix == ".sqlite3" for path in written)
    # Certificates and department records are public.
    loose = [path for path in written if path.is_file() and path.stat().st_mode & 0o077]
    assert {path.suffix for path in loose} <= {".pem", ".record"}
    assert not any(path.name.endswith(".key.pem") for path in loose)


def test_a_running_server_acts_on_a_suspension_by_itself(server: ServerProcess) -> None:
    officer = databank.officers()[0]
    with httpx.Client(base_url=server.url) as http:
        body: dict[str, object] = {"number": officer.number, "language": "en"}
        challenge = http.post("/v1/registration/numbers", json=body).json()["challengeId"]
        body = {"challengeId": challenge, "code": server.code_for(officer.number)}
        ticket = http.post("/v1/registration/codes", json=body).json()["ticket"]
        key, client_id = Ed25519PrivateKey.generate(), new_id()
        public = key.public_key().public_bytes_raw()
        packed = msgspec.msgpack.encode(
            {
                "ticket": ticket,
                "clientId": client_id,
                "signaturePublicKey": public,
                "proof": key.sign(rules.registration_proof(ticket, client_id, public)),
                "label": "Phone",
            }
        )
        answer = http.post("/v1/registration/clients", content=packed)
        headers = {"authorization": f"Bearer {answer.json()['accessToken']}"}
        assert http.get("/v1/me", headers=headers).status_code == 200
        assert "Suspended" in run_copconnect(server.data, "admin", "suspend", officer.number)
        until(lambda: http.get("/v1/me", headers=headers).status_code == 401, "signing out")
        listed = run_copconnect(server.data, "admin", "restore", officer.number)
        assert "Restored" in listed
        listed = run_copconnect(server.data, "admin", "list-clients", officer.number)
        assert f"{client_id}  Phone\n    revoked;" in listed
        lines = run_copconnect(server.data, "audit", "list").splitlines()
        acts = [json.loads(line)["act"] for line in lines]
        assert acts == ["data_bank_imported", "person_suspended", "person_restored"]
        assert "3 entries" in run_copconnect(server.data, "audit", "verify")


def test_conversations_of_the_force_and_of_units(data: str, tmp_path: Path) -> None:
    bank = tmp_path / "bank"
    data_bank.write(synthetic.write(60, 1), bank)
    assert run("directory", "import", str(bank), "--data", data).exit_code == 0
    made = run("conversations", "create", "--everyone", "--data", data)
    assert made.exit_code == 0, made.output
    people = len((bank / "people.csv").read_text("utf-8").splitlines()) - 1
    assert f"{people:,} people, 0 devices" in made.output
    station = run(
        *("conversations", "create", "--unit", synthetic.SHOWN_STATION, "--talk", "--data", data)
    )
    assert station.exit_code == 0, station.output
    similar = synthetic.SHOWN_STATION[:-1]
    for wrong, said in (
        (("--everyone", "--unit", synthetic.SHOWN_STATION), "either everyone or"),
        ((), "either everyone or"),
        (("--unit", similar), f"has no unit {similar}. Similar: {synthetic.SHOWN_STATION}"),
    ):
        refused = run("conversations", "create", *wrong, "--data", data)
        assert refused.exit_code == 1, wrong
        assert said in words(refused)
    # Another rule and name; a missing value stays; then everybody leaves.
    group = station.output.split()[2].rstrip(":")
    there = int(station.output.split()[3].replace(",", ""))
    changed = run("conversations", "change", group, "--title", "Whole force", "--data", data)
    assert f"{there:,} people" in words(changed), changed.output
    changed = run("conversations", "change", group, "--everyone", "--announce", "--data", data)
    assert f"{people:,} people" in words(changed), changed.output
    assert "Whole force" in run("conversations", "list", "--data", data).output
    refused = run("conversations", "change", group, "--unit", "NOWHERE", "--data", data)
    assert "has no unit NOWHERE" in words(refused)
    assert run("conversations", "end", group, "--data", data).exit_code == 0
    for again in (("end", group), ("change", group, "--talk"), ("end", "0" * 32)):
        refused = run("conversations", *again, "--data", data)
        assert refused.exit_code == 1, again
        assert "made no such conversation" in words(refused)
    assert "6 entries" in run("audit", "verify", "--data", data).output


def test_a_device_is_named_by_the_beginning_of_its_id(
    make_server: Callable[..., ServerProcess],
) -> None:
    server = make_server(otp_resend_ms=0)
    officer = databank.officers()[0]
    with Device(server, officer) as phone, Device(server, officer) as tablet:
        phone.register()
        tablet.register()
        listed = run_copconnect(server.data, "admin", "list-clients", officer.number)
        for device in (phone, tablet):
            assert f"{device.client_id}  " in listed  # Whole, however narrow the terminal is.
        begins = phone.client_id[:8]
        revoke = ("admin", "revoke-client", begins.upper())
        assert phone.client_id in run_copconnect(server.data, *revoke)
        with pytest.raises(RuntimeError, match="is revoked already"):
            run_copconnect(server.data, *revoke)
        with pytest.raises(RuntimeError, match=r"first\s+six are enough"):
            run_copconnect(server.data, "admin", "revoke-client", begins[:5])
        until(lambda: tablet.me() is not None, "the other device")


def test_an_exported_log_is_verified_with_the_certificates_alone(data: str, tmp_path: Path) -> None:
    file, keys = tmp_path / "audit.jsonl", str(Path(data) / "keys")
    authority = CertificateAuthority(Path(data) / "keys")

    def write_head(size: int) -> None:
        head = TimeRecord(nonce=bytes(16), time=0, log_size=size, log_root=sha256(b""))
        time, department = authority.roster.signed(head), authority.departments[-1]
        signed = exported.Head(time=time.encode(), department=department.encode())
        file.write_bytes(exported.line(signed))

    write_head(0)
    found = run("audit", "verify", str(file), "--keys", keys)
    assert (found.exit_code, "0 entries, none changed" in words(found)) == (0, True)
    write_head(1)
    cut_off = run("audit", "verify", str(file), "--data", data)
    assert cut_off.exit_code == 1
    assert "The file is not whole: entry 1: is missing" in words(cut_off)
    assert run("audit", "verify", str(file), "--keys", str(tmp_path)).exit_code == 1
