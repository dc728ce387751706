"""The server itself, as it is reached on this machine and through its proxy."""

import ssl
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
from prometheus_client.parser import text_string_to_metric_families

from copconnect.addresses import caller_address
from copconnect.clock import Clock
from copconnect.doctor import clock as clocks
from copconnect.doctor.findings import Finding, failure, ok, warning
from copconnect.http.requests import MAX_BODY_BYTES
from copconnect.operator import proof as operator_proof
from copconnect.settings import Settings

LIMIT_S = 10.0
SEEN = "/v1/operator/request"
TLS_DAYS_NOTED = 14
# The doctor claims to be forwarded for this address of documentation, which nobody has.
FORGED = "192.0.2.66"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_EVERY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # What is meant, not bound.
_NGINX = "nginx: proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; Caddy does it itself."


def listening(settings: Settings) -> Finding:
    """May others reach the server beside its proxy?"""
    if settings.host in _LOOPBACK:
        return ok("address", f"The server listens on {settings.host} port {settings.port} alone.")
    words = (
        f"The server listens on {settings.host}: it speaks no TLS, and who reaches it beside the "
        "proxy chooses the address that limits count."
    )
    remedy = "Set COPCONNECT_HOST=127.0.0.1, or let the firewall admit the proxies alone."
    return warning("address", words, remedy)


def public_address(settings: Settings) -> Finding:
    """Do certificates name an address that others open?"""
    address = settings.effective_public_url
    if not settings.public_url:
        words = f"Certificates name {address}, which is this machine."
        remedy = "Set COPCONNECT_PUBLIC_URL to the address that officers open, https://…"
        return warning("public address", words, remedy)
    if not address.startswith("https://"):
        remedy = "Officers open the app over TLS: write https:// in COPCONNECT_PUBLIC_URL."
        return warning("public address", f"Certificates name {address}, without TLS.", remedy)
    return ok("public address", f"Certificates name {address}.")


def authenticators(settings: Settings) -> Finding:
    """Can admins prove by more than the PIN that they are there?"""
    host = settings.authenticator_host
    origins = [one for one in settings.authenticator_origins.split(",") if one]
    if not host or not origins:
        words = "Grants, imports and the like ask admins for their PIN alone."
        remedy = (
            "Set COPCONNECT_AUTHENTICATOR_HOST and COPCONNECT_AUTHENTICATOR_ORIGINS before the "
            "first admin registers: a device enrols an authenticator while it waits."
        )
        return warning("authenticators", words, remedy)
    strange = [one for one in origins if not _is_page_of(one, host)]
    if strange:
        words = f"No browser uses authenticators of {host} at {', '.join(strange)}."
        remedy = "An origin is https:// and that host name or one below it."
        return warning("authenticators", words, remedy)
    return ok("authenticators", f"Admins' authenticators are made for {host}.")


def _is_page_of(origin: str, host: str) -> bool:
    page = urlsplit(origin)
    named = page.hostname or ""
    below = named == host or named.endswith(f".{host}")
    return below and (page.scheme == "https" or named == "localhost")


async def local(settings: Settings) -> list[Finding]:
    """Does the server of this machine serve, and what does it know of its texts?"""
    host = _EVERY.get(settings.host, settings.host)
    url = f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"
    async with httpx.AsyncClient(base_url=url, timeout=LIMIT_S, trust_env=False) as client:
        try:
            health = await client.get("/healthz")
            metrics = await client.get("/metrics")
        except httpx.HTTPError:
            remedy = "Start it: `systemctl start copconnect`, then `journalctl -u copconnect`."
            return [warning("server", f"No server answers at {url}.", remedy)]
    if health.status_code != 200:
        words = f"The server at {url} answers with status {health.status_code}."
        return [failure("server", words, "See `journalctl -u copconnect`.")]
    found = [ok("server", f"A server answers at {url}.")]
    return [*found, *texts(metrics.text)] if metrics.status_code == 200 else found


def texts(metrics: str) -> Iterator[Finding]:
    """Yield what the metrics say of texts with codes."""
    counts: dict[str, float] = {}
    alarm = 0.0
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            if sample.name == "copconnect_sms_texts_total":
                counts[sample.labels["outcome"]] = sample.value
            elif sample.name == "copconnect_sms_gateway_alarm":
                alarm = sample.value
    if not counts:
        return
    words = ", ".join(f"{int(count):,} {outcome}" for outcome, count in sorted(counts.items()))
    if alarm:
        remedy = "The log says why: `sms_gateway_alarm`, `sms_failed`, `sms_refused`."
        yield failure("texts", f"The SMS gateway takes no texts. Since the start: {words}.", remedy)
    elif counts.get("failed", 0) + counts.get("dropped", 0) + counts.get("refused", 0) > 0:
        remedy = "The log says why: `sms_failed`, `sms_refused`. Refused: see the numbers' form."
        lost = f"Some texts with codes were lost. Since the start: {words}."
        yield warning("texts", lost, remedy)
    else:
        yield ok("texts", f"No text with a code was lost. Since the start: {words}.")


async def proxied(url: str, secret: bytes, clock: Clock) -> list[Finding]:
    """Is the server reached at the address that officers open, as it must be?"""
    parts = urlsplit(url)
    found: list[Finding] = []
    if parts.scheme != "https":
        words = f"{url} is not HTTPS: phones give no camera, place or offline app to it."
        remedy = "Let the proxy speak TLS, and give its https:// address."
        found.append(failure("tls", words, remedy))
    # The certificates that this machine trusts; SSL_CERT_FILE names others.
    trusted = ssl.create_default_context()
    async with httpx.AsyncClient(
        base_url=url, timeout=LIMIT_S, trust_env=False, verify=trusted
    ) as client:
        headers = {
            "authorization": operator_proof.make(secret, clock.now_ms()),
            "x-forwarded-for": FORGED,
        }
        try:
            async with client.stream("POST", SEEN, headers=headers) as answer:
                arrived_ms = clock.now_ms()
                await answer.aread()
                found += _tls(answer)
        except httpx.HTTPError as error:
            words = f"{url} cannot be reached: {str(error) or type(error).__name__}."
            remedy = "See the name in DNS, the proxy, its certificate and the firewall."
            return [*found, failure("proxy", words, remedy)]
        found += clocks.by_http_date("the proxy", answer.headers.get("date", ""), arrived_ms)
        if answer.status_code != 200:
            words = f"{url} answers with status {answer.status_code}, but not by this server."
            remedy = (
                "See where the proxy passes requests to, and whether every node has the same "
                "server-secret.bin. Status 502: the server is not running."
            )
            return [*found, failure("proxy", words, remedy)]
        found += _headers(answer.json(), parts.netloc)
        found.append(await _body(client, headers))
        found.append(await _socket(client))
        found.append(await _metrics(client))
    return found


def _tls(answer: httpx.Response) -> Iterator[Finding]:
    """Yield how long the certificate lasts, and whether answers tell browsers to insist on TLS."""
    stream = answer.extensions["network_stream"]
    secured = cast(ssl.SSLObject | None, stream.get_extra_info("ssl_object"))
    if secured is None:
        return
    ends_s = ssl.cert_time_to_seconds(str((secured.getpeercert() or {})["notAfter"]))
    ends = datetime.fromtimestamp(ends_s, UTC)
    days = (ends - datetime.now(UTC)).days
    if days < TLS_DAYS_NOTED:
        words = f"The proxy's certificate ends in {days} days, on {ends:%Y-%m-%d}."
        yield warning("tls", words, "See why it is not renewed by itself.")
    elif "strict-transport-security" not in answer.headers:
        words = f"TLS holds until {ends:%Y-%m-%d}, but no Strict-Transport-Security header is sent."
        yield warning("tls", words, "Let the proxy add it, as the examples do.")
    else:
        yield ok("tls", f"The proxy's certificate is trusted here and lasts until {ends:%Y-%m-%d}.")


def _headers(seen: dict[str, Any], host: str) -> Iterator[Finding]:
    """Yield whose addresses the server counts, and whether the proxy passes the host's name."""
    hops: Sequence[str] = seen["forwardedFor"]
    appended = len(hops) - hops.index(FORGED) - 1 if FORGED in hops else len(hops)
    trusted: int = seen["trustedProxies"]
    set_it = f"Set COPCONNECT_TRUSTED_PROXIES={appended} and restart."
    if appended == 0:
        words = "The proxy adds no X-Forwarded-For: limits take all phones for one."
        if seen["counted"] == FORGED:
            words = "The proxy passes X-Forwarded-For on as the caller sent it: limits count a lie."
        yield failure("proxy headers", words, f"Let it append the caller's address. {_NGINX}")
    elif trusted == 0:
        words = "COPCONNECT_TRUSTED_PROXIES is 0: limits take all phones behind the proxy for one."
        yield failure("proxy headers", words, set_it)
    elif trusted != appended:
        many = "proxy appends" if appended == 1 else "proxies append"
        words = (
            f"{appended} {many} to X-Forwarded-For, and COPCONNECT_TRUSTED_PROXIES is {trusted}: "
            "limits count a wrong address."
        )
        yield failure("proxy headers", words, set_it)
    else:
        counted = caller_address(seen["peer"], ",".join(hops), trusted)
        yield ok("proxy headers", f"Limits count each caller's own address; this one is {counted}.")
    if seen["host"].lower() != host.lower():
        words = f"The proxy passes the host on as {seen['host']}, not as {host}."
        remedy = "nginx: proxy_set_header Host $host; else some browsers refuse live connections."
        yield warning("proxy headers", words, remedy)


async def _body(client: httpx.AsyncClient, headers: dict[str, str]) -> Finding:
    """Does the proxy pass on the largest body that the app sends?"""
    size = f"{MAX_BODY_BYTES / 1024**2:.1f} MiB"
    try:
        answer = await client.post(SEEN, headers=headers, content=bytes(MAX_BODY_BYTES))
    except httpx.HTTPError as error:
        reason = type(error).__name__
    else:
        if answer.status_code == 200 and answer.json()["bytes"] == MAX_BODY_BYTES:
            return ok("proxy body", f"Bodies of {size} pass.")
        reason = f"status {answer.status_code}"
    words = f"A body of {size} does not pass the proxy ({reason}): large groups and files fail."
    return failure("proxy body", words, "nginx: client_max_body_size 8m;")


async def _socket(client: httpx.AsyncClient) -> Finding:
    """Does the proxy pass on WebSockets?"""
    headers = {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "Y29wY29ubmVjdGRvY3Rvcg==",
    }
    try:
        async with client.stream("GET", "/v1/socket", headers=headers) as answer:
            status = answer.status_code
    except httpx.HTTPError as error:
        status, reason = 0, type(error).__name__
    else:
        reason = f"status {status}"
    if status == 101:
        return ok("proxy socket", "Live connections (WebSockets) pass.")
    words = f"Live connections (WebSockets) do not pass the proxy ({reason})."
    remedy = 'nginx: proxy_http_version 1.1, and the headers Upgrade and Connection "upgrade".'
    return failure("proxy socket", words, remedy)


async def _metrics(client: httpx.AsyncClient) -> Finding:
    """Are the metrics for this machine alone?"""
    try:
        answer = await client.get("/metrics")
    except httpx.HTTPError:
        return ok("metrics", "The proxy does not show /metrics.")
    if "copconnect_" not in answer.text:
        return ok("metrics", "The proxy does not show /metrics.")
    words = "Everybody can read /metrics through the proxy."
    return failure("metrics", words, "Let the proxy add X-Forwarded-For, or refuse /metrics there.")
