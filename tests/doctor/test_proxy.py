"""``copconnect doctor --url``: a real server behind a real proxy that is set right or wrong."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from copconnect.auth_service.keys.authority import SERVER_KEY
from copconnect.clock import SystemClock
from copconnect.doctor.findings import Finding, Verdict
from copconnect.doctor.serving import proxied
from copconnect.operator import proof as operator_proof
from copconnect.services import processes
from tests.doctor.proxies import Proxy
from tests.harness.server import ServerProcess

NOW_MS = 1_800_000_000_000


@pytest.fixture(scope="module")
def behind(serve: Callable[..., ServerProcess]) -> ServerProcess:
    """A server that trusts one proxy."""
    return serve(trusted_proxies=1)


@pytest.fixture
def proxy() -> Iterator[Callable[..., Proxy]]:
    """Starts proxies, and ends them after the test."""
    started: list[Proxy] = []

    def start(upstream: int, **configuration: str | bool) -> Proxy:
        made = Proxy(upstream, **configuration)  # type: ignore[arg-type]
        started.append(made)
        return made.start()

    yield start
    for one in started:
        one.close()


async def found(server: ServerProcess, url: str) -> dict[str, Finding]:
    """Return what is found at an address, by check; the worst where there are several."""
    secret = (server.data / "keys" / SERVER_KEY).read_bytes()
    order: list[Verdict] = ["ok", "warning", "failure"]
    findings = await proxied(url, secret, SystemClock())
    return {
        one.check: one for one in sorted(findings, key=lambda finding: order.index(finding.verdict))
    }


async def test_a_proxy_that_is_right(
    behind: ServerProcess, proxy: Callable[..., Proxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    hsts = 'header Strict-Transport-Security "max-age=31536000"'
    secure = proxy(behind.port, tls=True, site=hsts)
    untrusted = await found(behind, secure.url)
    assert untrusted["proxy"].verdict == "failure"
    assert "certificate" in untrusted["proxy"].words
    monkeypatch.setenv("SSL_CERT_FILE", str(secure.root))
    right = await found(behind, secure.url)
    # Caddy's own certificates end within hours.
    assert right.pop("tls").words.startswith("The proxy's certificate ends in 0 days")
    assert {check: one.verdict for check, one in right.items()} == {
        "clock": "ok",
        "proxy headers": "ok",
        "proxy body": "ok",
        "proxy socket": "ok",
        "metrics": "ok",
    }


@pytest.mark.parametrize(
    ("forward", "words"),
    [
        ("header_up -X-Forwarded-For", "adds no X-Forwarded-For"),
        # As nginx does without a word: the caller's header goes through.
        ("header_up X-Forwarded-For {http.request.header.X-Forwarded-For}", "limits count a lie"),
        ('header_up X-Forwarded-For "198.51.100.7, 10.0.0.1"', "2 proxies append"),
    ],
)
async def test_wrong_headers(
    behind: ServerProcess, proxy: Callable[..., Proxy], forward: str, words: str
) -> None:
    finding = (await found(behind, proxy(behind.port, forward=forward).url))["proxy headers"]
    assert finding.verdict == "failure"
    assert words in finding.words


async def test_a_proxy_that_the_server_does_not_know_of(
    server: ServerProcess, proxy: Callable[..., Proxy]
) -> None:
    finding = (await found(server, proxy(server.port).url))["proxy headers"]
    assert finding.verdict == "failure"
    assert finding.remedy.startswith("Set COPCONNECT_TRUSTED_PROXIES=1")


async def test_other_wrong_proxies(behind: ServerProcess, proxy: Callable[..., Proxy]) -> None:
    small = proxy(behind.port, site="request_body {\n max_size 1MB\n }")
    assert (await found(behind, small.url))["proxy body"].verdict == "failure"
    deaf = proxy(behind.port, forward="header_up -Upgrade\n header_up -Connection")
    assert (await found(behind, deaf.url))["proxy socket"].verdict == "failure"
    renamed = proxy(behind.port, forward="header_up Host backend")
    assert "as backend" in (await found(behind, renamed.url))["proxy headers"].words
    open_to_all = proxy(behind.port, forward="header_up -X-Forwarded-*")
    assert (await found(behind, open_to_all.url))["metrics"].verdict == "failure"


async def test_no_tls_and_nobody_there(behind: ServerProcess, proxy: Callable[..., Proxy]) -> None:
    plain = await found(behind, proxy(behind.port).url)
    assert plain["tls"].verdict == "failure"
    nobody = await found(behind, f"http://localhost:{processes.free_port()}")
    assert nobody["proxy"].verdict == "failure"
    without_server = await found(behind, proxy(processes.free_port()).url)
    assert "status 502" in without_server["proxy"].words


async def test_a_request_is_shown_to_who_has_the_servers_secret_alone(
    behind: ServerProcess,
) -> None:
    secret = (behind.data / "keys" / SERVER_KEY).read_bytes()
    now_ms = SystemClock().now_ms()
    right = operator_proof.make(secret, now_ms)
    wrong = ("", "Operator", right[:-1], operator_proof.make(b"another", now_ms))
    url = f"{behind.url}/v1/operator/request"
    async with httpx.AsyncClient() as client:
        for proof in wrong:
            answer = await client.post(url, headers={"authorization": proof})
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        answer = await client.post(url, headers={"authorization": right}, content=b"abc")
    assert (answer.status_code, answer.json()["bytes"]) == (200, 3)


def test_a_proof_is_good_for_minutes() -> None:
    proof = operator_proof.make(b"secret", NOW_MS)
    limit_ms = operator_proof.GOOD_FOR_MS
    for at_ms, good in ((0, True), (limit_ms, True), (limit_ms + 1, False), (-limit_ms - 1, False)):
        assert operator_proof.holds(b"secret", proof, NOW_MS + at_ms) is good
    for broken in ("Operator ٣.x", f"Operator {'9' * 30}.x", "Operator -1.x", "Bearer x", "."):
        assert not operator_proof.holds(b"secret", broken, NOW_MS)
