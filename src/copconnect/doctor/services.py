"""Database, bus, blob store and SMS gateway: can each be reached, does it work, is its clock ours?

A check leaves nothing behind and takes :data:`LIMIT_S` seconds at most.
"""

import asyncio
import secrets
from pathlib import Path

import nats.errors
from nats.aio.client import Client as NatsClient
from sqlalchemy import func, make_url, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, migrations
from copconnect.attachments.blobs import open_blobs
from copconnect.auth_service.registration.gateway import GatewayDown, SmsGateway
from copconnect.clock import Clock
from copconnect.database.engine import Database, open_database
from copconnect.directory.store import people
from copconnect.doctor import clock as clocks
from copconnect.doctor import links
from copconnect.doctor.findings import Finding, failure, ok, warning
from copconnect.doctor.reasons import reason_of
from copconnect.settings import Settings

LIMIT_S = 10.0


async def database(settings: Settings, clock: Clock) -> list[Finding]:
    """Can it be read, has it this version's tables and people, does its clock agree?"""
    url = settings.effective_database_url
    if missing := _missing_file(url):
        remedy = "Run `copconnect init`, or restore the backup."
        return [failure("database", f"There is no database {missing}.", remedy)]
    opened = open_database(url)
    try:
        async with asyncio.timeout(LIMIT_S):
            return await _database(opened, clock, url)
    except migrations.OtherSchema as error:
        return [failure("database", error.words, error.remedy)]
    except (TimeoutError, DBAPIError, OSError, errors.CopConnectError) as error:
        words = f"The database cannot be reached or read: {reason_of(error)}."
        remedy = (
            "See whether it runs, whether COPCONNECT_DATABASE_URL names it, and whether its "
            "account may read and write."
        )
        return [failure("database", words, remedy)]
    finally:
        await opened.close()


def _missing_file(url: str) -> str:
    """Return the file that a URL of SQLite names, if it is not there: opening would make it."""
    file = Path(url.removeprefix("sqlite+aiosqlite:///"))
    return "" if not url.startswith("sqlite") or file.is_file() else str(file.absolute())


async def _database(opened: Database, clock: Clock, url: str) -> list[Finding]:
    found: list[Finding] = []
    async with opened.reading() as connection:
        if not await connection.run_sync(migrations.is_current):
            words = "The database has no tables yet, or those of an older version."
            remedy = "`copconnect serve` and every other command migrate it."
            return [warning("database", words, remedy)]
        count = await connection.scalar(
            select(func.count()).select_from(people).where(people.c.status == "active")
        )
        before_ms = clock.now_ms()
        if opened.is_sqlite:
            version = await connection.scalar(text("SELECT sqlite_version()"))
            found.append(ok("database", f"SQLite {version} can be read; one process may serve."))
        else:
            theirs = await connection.scalar(
                text("SELECT extract(epoch FROM clock_timestamp()) * 1000")
            )
            after_ms = clock.now_ms()
            version = await connection.scalar(text("SHOW server_version"))
            words = f"PostgreSQL {version} answers in {after_ms - before_ms} ms."
            found.append(ok("database", words))
            middle_ms = (before_ms + after_ms) / 2
            found.append(clocks.compared("the database", middle_ms - float(theirs)))
            found += await _link(connection, url)
    if count:
        found.append(ok("data bank", f"{count:,} active people are in the data bank."))
    else:
        remedy = "Import it: `copconnect directory import FOLDER`."
        found.append(
            warning("data bank", "Nobody is in the data bank: nobody can register.", remedy)
        )
    return found


async def _link(connection: AsyncConnection, url: str) -> list[Finding]:
    parts = make_url(url)
    verified = parts.query.get("ssl") in ("verify-ca", "verify-full")
    encrypted = await connection.scalar(
        text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    )
    superuser = await connection.scalar(
        text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    )
    return links.database_link(
        parts.host or "",
        password=parts.password is not None,
        verified=verified,
        encrypted=bool(encrypted),
        superuser=bool(superuser),
    )


async def bus(settings: Settings) -> list[Finding]:
    """Does NATS pass on what is published? It tells no time, so no clock is compared."""
    if not settings.bus_url:
        return [ok("bus", "No NATS is set: this is the only node.")]
    client = NatsClient()
    try:
        async with asyncio.timeout(LIMIT_S):
            await client.connect(
                settings.bus_url.split(","),
                allow_reconnect=False,
                connect_timeout=3,
                max_reconnect_attempts=1,
                error_cb=_quiet,
            )
            inbox = client.new_inbox()
            heard = await client.subscribe(inbox, max_msgs=1)
            await client.publish(inbox, b"doctor")
            await heard.next_msg(timeout=LIMIT_S)
    except (TimeoutError, OSError, nats.errors.Error) as error:
        words = f"NATS cannot be reached, or passes nothing on: {reason_of(error)}."
        remedy = (
            "See whether it runs and whether COPCONNECT_BUS_URL names it. Until then every node "
            "looks into the database each second, and messages come late."
        )
        return [failure("bus", words, remedy)]
    finally:
        await client.close()
    return [ok("bus", "NATS passes messages on."), *links.bus_link(settings.bus_url)]


async def _quiet(_: Exception) -> None:
    """The exception that is raised says it all."""


async def blobs(settings: Settings) -> list[Finding]:
    """Can an object be written once, read and deleted?"""
    path, content = f"doctor/{secrets.token_hex(8)}", secrets.token_bytes(1024)
    try:
        async with asyncio.timeout(3 * LIMIT_S):
            store = open_blobs(settings.blob_url, settings.data_dir)
            created = await store.create(path, content)
            again = await store.create(path, content)
            same = await store.holds(path, content)
            await store.delete([path])
    except (TimeoutError, OSError, ValueError, errors.CopConnectError) as error:
        remedy = "See COPCONNECT_BLOB_URL, the AWS_* variables, and the rights to the place."
        return [failure("blobs", f"The blob store does not work: {reason_of(error)}.", remedy)]
    if not created or not same or again:
        words = "The blob store overwrites objects: it does not know conditional writes."
        return [failure("blobs", words, "Use one that knows `If-None-Match: *`.")]
    return [ok("blobs", "The blob store writes once, reads and deletes.")]


async def gateway(settings: Settings, gateway: SmsGateway, clock: Clock) -> list[Finding]:
    """Is the SMS gateway there, over TLS, with our time? No text is sent."""
    found: list[Finding] = []
    name = gateway.name
    try:
        async with asyncio.timeout(2 * LIMIT_S):
            date = await gateway.check()
    except (TimeoutError, GatewayDown) as error:
        words = f"The SMS gateway {name} does not answer as it should: {reason_of(error)}."
        remedy = (
            "See COPCONNECT_SMS_GATEWAY_URL, _TOKEN and _CHECK_URL, the firewall, and the vendor. "
            "Until then everybody who asks for a code learns that none can be sent."
        )
        return [failure("gateway", words, remedy)]
    if settings.sms_gateway_check_url:
        found.append(ok("gateway", f"The SMS gateway {name} says that it takes texts."))
    else:
        words = f"Something answers at the SMS gateway {name}; whether it takes texts is unknown."
        remedy = (
            "Set COPCONNECT_SMS_GATEWAY_CHECK_URL to a page of the vendor that answers 2xx to the "
            "token, and register one device by hand."
        )
        found.append(warning("gateway", words, remedy))
    if name.startswith("http://") and not _is_local(name):
        words = f"Codes go to {name} without TLS: whoever is in between registers as anybody."
        found.append(failure("gateway", words, "Use an https:// address."))
    return [*found, *clocks.by_http_date("the SMS gateway", date, clock.now_ms())]


def _is_local(name: str) -> bool:
    return name.startswith(("http://127.0.0.1", "http://localhost", "http://[::1]"))
