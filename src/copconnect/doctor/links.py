"""Database and bus over a network: is the link encrypted, and does it ask for a password?

The link to the database carries names, numbers and who talks to whom; a message on the bus may wake
everybody. A link that stays on this machine needs neither.
"""

import ipaddress
from urllib.parse import urlsplit

from copconnect.doctor.findings import Finding, ok, warning


def is_local(host: str) -> bool:
    """Return whether a host is this machine; a Unix socket has none."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in ("", "localhost") or host.startswith("/")


def database_link(
    host: str, *, password: bool, verified: bool, encrypted: bool, superuser: bool
) -> list[Finding]:
    """Judge how PostgreSQL is reached. ``verified``: the server's certificate and name are
    checked; ``superuser``: the account may do anything."""
    found: list[Finding] = []
    if superuser:
        words = "The account that the server uses is a superuser of PostgreSQL."
        remedy = "Give it a role that owns the database `copconnect` and nothing else."
        found.append(warning("database link", words, remedy))
    if is_local(host):
        return found or [ok("database link", "The database is on this machine.")]
    if not encrypted or not verified:
        what = "not encrypted" if not encrypted else "encrypted, and nobody's certificate checked"
        words = f"The connection to the database at {host} is {what}."
        remedy = (
            "Let PostgreSQL take `hostssl` alone (pg_hba.conf), put its authority's certificate "
            "into ~/.postgresql/root.crt, and add `?ssl=verify-full` to COPCONNECT_DATABASE_URL."
        )
        found.append(warning("database link", words, remedy))
    if not password:
        words = f"The database at {host} takes this account without a password."
        remedy = "Ask for `scram-sha-256` in pg_hba.conf, and set the role's password."
        found.append(warning("database link", words, remedy))
    return found or [
        ok("database link", "The link to the database is encrypted and asks for a password.")
    ]


def bus_link(bus_url: str) -> list[Finding]:
    """Judge how NATS is reached: each of its servers."""
    plain: list[str] = []
    open_to_all: list[str] = []
    for url in bus_url.split(","):
        parts = urlsplit(url)
        host = parts.hostname or ""
        if is_local(host):
            continue
        if parts.scheme != "tls":
            plain.append(host)
        if not parts.username:
            open_to_all.append(host)
    found: list[Finding] = []
    if plain:
        words = f"The connection to NATS at {', '.join(plain)} is not encrypted."
        remedy = "Give NATS a certificate (`tls` in its settings) and write `tls://` for `nats://`."
        found.append(warning("bus link", words, remedy))
    if open_to_all:
        words = f"NATS at {', '.join(open_to_all)} lets anybody publish who reaches it."
        remedy = (
            "Set a user with a password or a token in NATS (`authorization`), and write it into "
            "COPCONNECT_BUS_URL: `tls://user:password@host:4222`."
        )
        found.append(warning("bus link", words, remedy))
    return found or [
        ok("bus link", "The link to NATS is encrypted and asks who publishes, or is local.")
    ]
