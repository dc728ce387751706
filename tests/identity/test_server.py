"""Routes that belong to no role: health, headers, metrics, the web app, bad bodies."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from cryptography import x509
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from copconnect.app import Container, create_app, operations
from copconnect.auth_service.service import NoGateway
from copconnect.http import web_assets
from copconnect.settings import Settings
from tests.harness.rows import answering
from tests.identity.running import MovedClock
from tests.identity.whole import Whole

pytestmark = pytest.mark.databases("sqlite")

REGISTRATION = ("numbers", "codes", "enrolment-codes", "status", "clients")


@asynccontextmanager
async def talk(app: Any, peer: str = "192.0.2.1") -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, client=(peer, 1234), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A folder as the web build leaves it."""
    folder = tmp_path / "web"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html>app")
    (folder / "practice.html").write_text("<!doctype html>practice")
    (folder / "service-worker.js").write_text("worker")
    (folder / "assets" / "main-B1a2C3d4.js").write_text("plain")
    (folder / "assets" / "main-B1a2C3d4.js.br").write_bytes(b"brotli")
    (folder / "assets" / "main-B1a2C3d4.js.gz").write_bytes(b"gzip")
    (tmp_path / "secret.txt").write_text("secret")
    return folder


async def test_health_and_configuration(whole: Whole) -> None:
    assert (await whole.get("/healthz")).json() == {"status": "ok"}
    config = (await whole.get("/config.json")).json()
    assert config == {
        "mapTilesUrl": "",
        "department": "Test Police",
        "conversationExports": "members",
        "linkPreviews": False,
    }


async def test_security_headers_are_everywhere(whole: Whole) -> None:
    for path in ("/", "/v1/trust", "/v1/me", "/v1/nothing", "/nothing.js", "/healthz"):
        headers = (await whole.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self';" in policy
        assert "script-src 'self' 'wasm-unsafe-eval';" in policy
        assert "connect-src 'self' ws://test wss://test;" in policy
        assert "style-src 'self';" in policy
        assert "unsafe-inline" not in policy
        assert "require-trusted-types-for 'script'; trusted-types default " in policy
        assert policy.endswith("report-uri /v1/csp-reports")
        assert "frame-ancestors 'none'" in policy
        assert headers["permissions-policy"].startswith("camera=(self)")
        assert headers["x-content-type-options"] == "nosniff"
        assert "cache-control" in headers


async def test_a_made_up_host_adds_nothing_to_the_policy(whole: Whole) -> None:
    answer = await whole.http.get("/healthz", headers={"host": "a; script-src *"})
    assert "script-src *" not in answer.headers["content-security-policy"]


async def test_the_schema_describes_every_operation(whole: Whole) -> None:
    schema = (await whole.get("/v1/schema/openapi.json")).json()
    for row in operations(whole.whole, whole.whole.settings):
        told = schema["paths"][row.path][row.method.lower()]
        placed = {one["name"] for one in told["parameters"] if one["in"] == "path"}
        assert placed == set(re.findall(r"{(\w+)}", row.path))
    post = schema["paths"]["/v1/conversations/{conversation_id}/messages"]["post"]
    body = post["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    assert body == "#/components/schemas/SendMessage"
    assert "SendMessage" in schema["components"]["schemas"]
    assert post["security"]


async def test_metrics_are_for_this_machine_alone(whole: Whole) -> None:
    assert (await whole.get("/metrics")).status_code == 404
    app = create_app(whole.whole.settings, whole.whole)
    async with talk(app, "127.0.0.1") as client:
        assert "python_info" in (await client.get("/metrics")).text
        proxied = await client.get("/metrics", headers={"x-forwarded-for": "192.0.2.1"})
        assert proxied.status_code == 404


async def test_there_is_no_outbox_outside_a_demo(settings: Settings, clock: MovedClock) -> None:
    real = msgspec.structs.replace(settings, sms_gateway_url="http://127.0.0.1:9/")
    container = Container(real, clock=clock)
    async with talk(create_app(real, container)) as client:
        for path in ("/demo/outbox", "/v1/demo/outbox"):
            answer = await client.get(path)
            assert "SMS" not in answer.text
            assert answer.status_code == 404
    await container.database.close()


async def test_a_server_without_a_gateway_does_not_start(keys: Path) -> None:
    with pytest.raises(NoGateway):
        Container(Settings(data_dir=keys))


async def test_the_web_app(built: Path) -> None:
    app = answering(web_assets.operations(built))
    async with talk(app) as client:
        index = await client.get("/")
        assert (index.text, index.headers["cache-control"]) == ("<!doctype html>app", "no-cache")
        assert (await client.get("/c/0123")).text == index.text  # A screen of the app.
        worker = await client.get("/service-worker.js")
        assert worker.headers["cache-control"] == "no-cache"
        assert worker.headers["content-type"].startswith("text/javascript")
        hashed = await client.get("/assets/main-B1a2C3d4.js", headers={"accept-encoding": ""})
        assert hashed.text == "plain"
        assert "immutable" in hashed.headers["cache-control"]
        # A part of a page: short, and useless as a page.
        assert hashed.headers["content-security-policy"] == "default-src 'none'; sandbox"
        policy = index.headers["content-security-policy"]  # The whole one.
        assert worker.headers["content-security-policy"] == policy
        async with client.stream("GET", "/assets/main-B1a2C3d4.js") as packed:
            raw = b"".join([part async for part in packed.aiter_raw()])
            assert (packed.headers["content-encoding"], raw) in (
                ("gzip", b"gzip"),
                ("br", b"brotli"),
            )
        etag = {"if-none-match": index.headers["etag"]}
        assert (await client.get("/", headers=etag)).status_code == 304
        for path in ("/missing.js", "/v1/missing", "/assets/main-B1a2C3d4.js.br", "/../secret.txt"):
            assert (await client.get(path)).status_code == 404, path
        escaped = await client.get("/%2e%2e/secret.txt")
        assert "secret" not in escaped.text


async def test_the_practice_reaches_nothing_and_stands_in_a_frame_of_the_app(built: Path) -> None:
    app = answering(web_assets.operations(built))
    async with talk(app) as client:
        answer = await client.get("/practice.html")
        policy = answer.headers["content-security-policy"]
        assert "connect-src 'none'" in policy
        assert "frame-ancestors 'self'" in policy
        assert "unsafe-inline" not in policy
        assert "require-trusted-types-for 'script'" in policy
        again = await client.get(
            "/practice.html", headers={"if-none-match": answer.headers["etag"]}
        )
        assert again.headers["content-security-policy"] == policy
        assert (await client.get("/")).headers["content-security-policy"] != policy


async def test_the_page_that_verifies_exports_and_the_root_are_saved(
    built: Path, whole: Whole
) -> None:
    (built / "check-export.html").write_text("<!doctype html>check")
    app = answering(web_assets.operations(built, b"DER"))
    async with talk(app) as client:
        for name in ("check-export.html", "root.pem"):
            headers = (await client.get(f"/{name}")).headers
            assert headers["content-disposition"] == f'attachment; filename="{name}"'
            assert headers["content-security-policy"] == "default-src 'none'; sandbox"
    served = x509.load_pem_x509_certificate((await whole.get("/root.pem")).content)
    assert served == x509.load_der_x509_certificate(whole.whole.authority.root)


async def test_an_unbuilt_web_app_says_what_to_do(tmp_path: Path) -> None:
    app = answering(web_assets.operations(tmp_path / "nothing"))
    async with talk(app) as client:
        assert "make demo" in (await client.get("/")).text


@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from(REGISTRATION),
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=8),
        lambda inner: st.dictionaries(
            st.sampled_from(["number", "language", "ticket", "code", "challengeId", "label"]), inner
        ),
        max_leaves=6,
    ).map(msgspec.msgpack.encode),
    st.sampled_from(["application/msgpack", "application/json", "", "text/plain"]),
)
async def test_no_body_breaks_registration(
    whole: Whole, route: str, body: bytes, kind: str
) -> None:
    answer = await whole.http.post(
        f"/v1/registration/{route}", content=body, headers={"content-type": kind}
    )
    assert 400 <= answer.status_code < 500
    assert {"code", "message", "remedy", "retry"} <= set(answer.json())


async def test_large_bodies_are_refused_unread(whole: Whole, code_of: Any) -> None:
    answer = await whole.http.post("/v1/registration/numbers", content=b"x" * 10_000)
    assert (answer.status_code, code_of(answer)) == (413, "too_large")

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1000

    answer = await whole.http.post("/v1/registration/numbers", content=endless())
    assert (answer.status_code, code_of(answer)) == (413, "too_large")


async def test_text_that_a_database_refuses_is_a_bad_request(whole: Whole) -> None:
    device = await whole.device("+917000000004")
    for method, path in (
        ("DELETE", "/v1/clients/a%00b"),
        ("GET", "/v1/grants?person=%00"),
        ("POST", "/v1/confirmations/%00/answer"),
    ):
        answer = await whole.http.request(
            method, path, headers=device.headers, json={"approve": True}
        )
        assert answer.status_code in (400, 404), answer.text
