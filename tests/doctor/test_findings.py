"""``copconnect doctor`` on real folders, databases, buses, gateways and proxies that are wrong."""

import asyncio
import json
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from copconnect.app import command_line
from copconnect.auth_service.keys import authority
from copconnect.auth_service.keys.authority import CertificateAuthority
from copconnect.auth_service.registration.gateway import HttpGateway
from copconnect.cli import app
from copconnect.clock import SystemClock
from copconnect.commands.init import create_authority
from copconnect.doctor import clock as clocks
from copconnect.doctor import examination, files, services, serving
from copconnect.doctor.findings import Finding
from copconnect.records.trust.department import Policy
from copconnect.services import processes
from copconnect.settings import Settings
from tests.harness.nats import NatsServer
from tests.harness.s3 import BUCKET, S3Server
from tests.harness.server import ServerProcess

DAY_MS = 24 * 3_600_000


class ShiftedClock:
    """This machine's clock, set wrong by so many ms."""

    def __init__(self, by_ms: int) -> None:
        self._by_ms = by_ms

    def now_ms(self) -> int:
        return SystemClock().now_ms() + self._by_ms


RIGHT = ShiftedClock(0)


def only(found: Sequence[Finding], check: str) -> Finding:
    """Return the one finding of a check."""
    (one,) = [finding for finding in found if finding.check == check]
    assert one.words.endswith(".")
    assert bool(one.remedy) == (one.verdict != "ok")
    return one


@pytest.fixture
def folder(department: Path, tmp_path: Path) -> Path:
    """The data folder of a department, whose root key is offline."""
    data = tmp_path / "data"
    shutil.copytree(department, data)
    (data / "keys" / "root.key.pem").unlink()
    return data


# --- The data folder ---------------------------------------------------------------------------


def test_a_good_folder(folder: Path) -> None:
    loaded, found = files.keys(folder, RIGHT.now_ms())
    assert loaded is not None
    for finding in (
        files.account(folder),
        files.permissions(folder),
        *found,
        files.offline_root(folder, loaded.root_key),
    ):
        assert finding.verdict == "ok", finding


def test_keys_that_others_may_read(folder: Path) -> None:
    key = folder / "keys" / "issuing.key.pem"
    key.chmod(0o640)
    assert files.permissions(folder).verdict == "ok"  # The folder around it is closed.
    folder.chmod(0o755)
    (folder / "keys").chmod(0o755)
    finding = files.permissions(folder)
    assert finding.verdict == "failure"
    assert "keys/issuing.key.pem" in finding.words
    assert "roster-authority.pem" not in finding.words  # A certificate is public.
    assert finding.remedy == f"chmod -R go= {folder}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a folder away")
def test_a_folder_of_another_account(folder: Path) -> None:
    os.chown(folder, 65534, 65534)
    finding = files.account(folder)
    assert finding.verdict == "failure"
    assert "sudo -u nobody" in finding.remedy
    assert files.account(folder / "missing").verdict == "failure"


def test_the_root_key_under_any_name_on_the_server(department: Path, folder: Path) -> None:
    root_key = CertificateAuthority(folder / "keys").root_key
    (folder / "old").mkdir()
    copy = folder / "old" / "copy.txt"
    copy.write_bytes(b"kept\n" + (department / "keys" / "root.key.pem").read_bytes())
    finding = files.offline_root(folder, root_key)
    assert finding.verdict == "failure"
    assert "old/copy.txt" in finding.words


def test_keys_that_are_not_whole_or_end_soon(folder: Path) -> None:
    now_ms = RIGHT.now_ms()
    ten_years = 10 * 365 * DAY_MS
    for at_ms, verdict in (
        (now_ms + ten_years - 100 * DAY_MS, "warning"),
        (now_ms + ten_years, "failure"),
        (0, "failure"),
    ):
        assert only(files.keys(folder, at_ms)[1], "keys").verdict == verdict
    (folder / "keys" / authority.ISSUING_KEY).unlink()
    loaded, found = files.keys(folder, now_ms)
    assert loaded is None
    assert "issuing.key.pem" in only(found, "keys").words


def test_a_full_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, verdict in ((50, "ok"), (10, "warning"), (2, "failure")):
        usage = type("usage", (), {"total": 100 * 1024**3, "free": free * 1024**3})
        monkeypatch.setattr(shutil, "disk_usage", lambda _, found=usage: found)
        assert files.space(folder).verdict == verdict


def test_an_installation_without_the_web_app(tmp_path: Path) -> None:
    assert files.web_app(tmp_path).verdict == "failure"
    (tmp_path / "index.html").touch()
    assert files.web_app(tmp_path).verdict == "ok"


# --- The clock ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offset_ms", "verdict", "words"),
    [
        (0, "ok", "agrees"),
        (-5_000, "warning", "5.0 s behind"),
        (3_600_000, "failure", "3,600 s ahead of"),
    ],
)
def test_a_clock_beside_another(offset_ms: int, verdict: str, words: str) -> None:
    finding = clocks.compared("the database", offset_ms)
    assert finding.verdict == verdict
    assert words in finding.words


def test_whether_ntp_keeps_the_clock() -> None:
    assert clocks.synchronised(0x2001).verdict == "ok"
    assert clocks.synchronised(0x2041).verdict == "failure"
    assert clocks.synchronised(None).verdict == "warning"
    status = clocks.kernel_status()
    assert status is None or 0 <= status < 2**16


def test_a_date_that_is_none_is_no_clock() -> None:
    assert clocks.by_http_date("x", "", 0) == []
    assert clocks.by_http_date("x", "yesterday", 0) == []


# --- Services ----------------------------------------------------------------------------------


async def test_the_database(folder: Path, database_url: str) -> None:
    settings = Settings(data_dir=folder, database_url=database_url)
    found = await services.database(settings, RIGHT)
    assert only(found, "database").verdict == "warning"  # It has tables, and no migration's mark.
    own = Settings(data_dir=folder)
    found = await services.database(own, RIGHT)
    assert only(found, "database").verdict == "ok"
    assert "300 active people" in only(found, "data bank").words


async def test_the_clock_of_postgresql(empty_database_url: str, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, database_url=empty_database_url)
    if empty_database_url.startswith("sqlite"):
        finding = only(await services.database(settings, RIGHT), "database")
        assert "There is no database" in finding.words
        return
    create_authority(settings, "Test Police", Policy.NONE)
    async with command_line(settings):
        """Opening it has migrated the database."""
    right = await services.database(settings, RIGHT)
    assert only(right, "clock").verdict == "ok"
    assert only(right, "data bank").verdict == "warning"  # Nobody is in it.
    for by_ms, verdict in ((5_000, "warning"), (-120_000, "failure")):
        wrong = await services.database(settings, ShiftedClock(by_ms))
        assert only(wrong, "clock").verdict == verdict
        assert "the database" in only(wrong, "clock").words


async def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    port = processes.free_port()
    url = f"postgresql+asyncpg://cop:secret@127.0.0.1:{port}/cop"
    settings = Settings(data_dir=tmp_path, database_url=url)
    finding = only(await services.database(settings, RIGHT), "database")
    assert finding.verdict == "failure"
    assert "secret" not in finding.words
    broken = tmp_path / "broken.sqlite3"
    broken.write_bytes(b"no database at all" * 1000)
    settings = Settings(data_dir=tmp_path, database_url=f"sqlite+aiosqlite:///{broken}")
    assert only(await services.database(settings, RIGHT), "database").verdict == "failure"


@pytest.mark.nats
async def test_the_bus(nats_server: NatsServer) -> None:
    assert only(await services.bus(Settings()), "bus").verdict == "ok"
    assert only(await services.bus(Settings(bus_url=nats_server.url)), "bus").verdict == "ok"
    closed = Settings(bus_url=f"nats://127.0.0.1:{processes.free_port()}")
    assert only(await services.bus(closed), "bus").verdict == "failure"


async def test_a_bus_that_answers_nothing() -> None:
    async with listening(b"") as port:
        found = await services.bus(Settings(bus_url=f"nats://127.0.0.1:{port}"))
    assert only(found, "bus").verdict == "failure"


async def test_blobs(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert only(await services.blobs(settings), "blobs").verdict == "ok"
    assert not any((tmp_path / "blobs" / "doctor").iterdir())  # Nothing stays.
    (tmp_path / "file").touch()
    wrong = Settings(data_dir=tmp_path, blob_url=f"file://{tmp_path}/file/blobs")
    assert only(await services.blobs(wrong), "blobs").verdict == "failure"


@pytest.mark.s3
async def test_blobs_in_s3(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    there = Settings(blob_url=f"s3://{BUCKET}/doctor")
    assert only(await services.blobs(there), "blobs").verdict == "ok"
    nowhere = Settings(blob_url="s3://no-such-bucket/x")
    assert only(await services.blobs(nowhere), "blobs").verdict == "failure"


@asynccontextmanager
async def listening(answer: bytes) -> AsyncIterator[int]:
    """A port that answers each request with these bytes; with none it keeps silent."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        if answer:
            writer.write(answer)
            writer.close()
        else:
            await reader.read()
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def http(status: str, seconds_off: float = 0) -> bytes:
    """An answer dated by a clock that is so many seconds off."""
    date = formatdate(SystemClock().now_ms() / 1000 + seconds_off, usegmt=True)
    return f"HTTP/1.1 {status}\r\ndate: {date}\r\ncontent-length: 0\r\n\r\n".encode()


async def gateway(answer: bytes, *, checked: bool = False) -> list[Finding]:
    """Return the findings of a gateway that answers so."""
    async with listening(answer) as port:
        url = f"http://127.0.0.1:{port}/send"
        settings = Settings(sms_gateway_url=url, sms_gateway_check_url=url if checked else "")
        asked = HttpGateway(url, "token-1", settings.sms_gateway_check_url)
        try:
            return await services.gateway(settings, asked, RIGHT)
        finally:
            await asked.close()


async def test_the_gateway() -> None:
    good = await gateway(http("200 OK"), checked=True)
    assert [one.verdict for one in good] == ["ok", "ok"]
    unknown = await gateway(http("405 Method Not Allowed"))
    assert only(unknown, "gateway").verdict == "warning"
    refused = await gateway(http("402 Payment Required"), checked=True)
    assert only(refused, "gateway").verdict == "failure"
    assert "status 402" in only(refused, "gateway").words
    assert only(await gateway(http("503 Away")), "gateway").verdict == "failure"
    late = await gateway(http("200 OK", 600))
    assert only(late, "clock").verdict == "failure"
    # Its Date has whole seconds, and some pass on a busy machine.
    assert re.search(r"\b(59\d|600) s behind", only(late, "clock").words)


async def test_a_gateway_that_is_not_there_or_without_tls() -> None:
    url = f"http://127.0.0.1:{processes.free_port()}/send"
    asked = HttpGateway(url, "")
    found = await services.gateway(Settings(sms_gateway_url=url), asked, RIGHT)
    await asked.close()
    assert "ConnectError" in only(found, "gateway").words

    class Plain(HttpGateway):
        async def check(self) -> str:
            return ""

    plain = Plain("http://sms.example/send", "")
    found = await services.gateway(Settings(sms_gateway_check_url=url), plain, RIGHT)
    await plain.close()
    assert [one.verdict for one in found] == ["ok", "failure"]
    assert "without TLS" in found[1].words


# --- The department ----------------------------------------------------------------------------


def test_a_department_without_a_root_admin(folder: Path, approving_department: Path) -> None:
    for data, words in ((folder, "policy none"), (approving_department, "no root admin")):
        finding = examination.department(CertificateAuthority(data / "keys"))
        assert finding.verdict == "warning"
        assert words in finding.words


# --- The server --------------------------------------------------------------------------------


async def test_no_server(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, port=processes.free_port())
    assert only(await serving.local(settings), "server").verdict == "warning"


async def test_a_server_and_what_it_knows_of_itstexts(server: ServerProcess) -> None:
    found = await serving.local(Settings(port=server.port))
    assert only(found, "server").verdict == "ok"
    assert only(found, "texts").verdict == "ok"


def test_texts_that_were_lost() -> None:
    def metrics(alarm: int, **counts: int) -> str:
        lines = [f'copconnect_sms_texts_total{{outcome="{k}"}} {v}' for k, v in counts.items()]
        return "\n".join([f"copconnect_sms_gateway_alarm {alarm}", *lines, ""])

    for alarm, failed, verdict in ((0, 0, "ok"), (0, 2, "warning"), (1, 2, "failure")):
        (finding,) = serving.texts(metrics(alarm, taken=5, failed=failed))
        assert finding.verdict == verdict
        assert f"{failed} failed, 5 taken" in finding.words


def test_a_server_that_listens_for_everybody() -> None:
    assert serving.listening(Settings()).verdict == "ok"
    assert serving.listening(Settings(host="::")).verdict == "warning"


# --- The command -------------------------------------------------------------------------------


def doctor(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["doctor", "--data", str(data), *arguments])


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Sets variables of this process, without the developer's own settings."""
    for name in [name for name in os.environ if name.startswith("COPCONNECT_")]:
        monkeypatch.delenv(name)
    return monkeypatch.setenv


def test_the_command_says_it_in_words_and_as_json(
    department: Path, environment: Callable[[str, str], None]
) -> None:
    environment("COPCONNECT_PORT", str(processes.free_port()))
    shown = doctor(department)
    assert shown.exit_code == 1  # The root key lies there, and no gateway is set.
    assert "FAILURE  offline root: The root's private key is on this server" in shown.output
    assert "         -> Set COPCONNECT_SMS_GATEWAY_URL" in shown.output
    assert "ok       database: SQLite" in shown.output
    found = json.loads(doctor(department, "--json").output)
    by_check = {one["check"]: one["verdict"] for one in found}
    assert by_check["offline root"] == by_check["gateway"] == "failure"
    assert by_check["server"] == by_check["proxy"] == "warning"
    for check in ("keys", "data bank", "blobs", "attachments"):
        assert by_check[check] == "ok"


def test_warnings_are_no_failure(
    folder: Path, environment: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: object) -> list[Finding]:
        return []

    monkeypatch.setattr(clocks, "kernel_status", lambda: 0)
    monkeypatch.setattr(files, "web_app", lambda: Finding("web app", "ok", "There."))
    monkeypatch.setattr(examination, "gateway", nothing)
    environment("COPCONNECT_PORT", str(processes.free_port()))
    environment("COPCONNECT_COLOUR", "blue")
    shown = doctor(folder)
    assert shown.exit_code == 0, shown.output
    assert "COPCONNECT_COLOUR" in shown.output  # A variable that is no setting.


def test_a_wrong_setting_is_a_failure(
    folder: Path, environment: Callable[[str, str], None]
) -> None:
    environment("COPCONNECT_PORT", "many")
    shown = doctor(folder)
    assert shown.exit_code == 1
    assert "COPCONNECT_PORT takes a whole number from 1 to 65535" in shown.output


@pytest.mark.parametrize(
    ("host", "origins", "verdict"),
    [
        ("", "", "warning"),
        ("cop.example", "", "warning"),
        ("", "https://cop.example", "warning"),
        ("cop.example", "https://cop.example,https://app.cop.example:8443", "ok"),
        ("localhost", "http://localhost:8080", "ok"),
        ("cop.example", "http://cop.example", "warning"),
        ("cop.example", "https://cop.example,https://evilcop.example", "warning"),
        ("cop.example", "https://example", "warning"),
    ],
)
def test_admins_without_authenticators_are_a_warning(host: str, origins: str, verdict: str) -> None:
    settings = Settings(authenticator_host=host, authenticator_origins=origins)
    found = only([serving.authenticators(settings)], "authenticators")
    assert found.verdict == verdict
