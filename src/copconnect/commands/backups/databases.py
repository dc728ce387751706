"""Copies the database into a file while the server serves, and puts such a copy in its place.

PostgreSQL's own programs do it there. They read the password from their environment: other accounts
of the machine may read the arguments of every process.
"""

import asyncio
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import URL, make_url

from copconnect.attachments import store
from copconnect.attachments.store import Expected
from copconnect.commands.backups.archive import BackupRefused
from copconnect.database.engine import open_database

# Tables of a newer version would stay, and its migrations would fail on them.
_DROP_ALL = """DO $$ DECLARE one record; BEGIN
  FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() LOOP
    EXECUTE format('DROP TABLE %I CASCADE', one.tablename);
  END LOOP;
END $$;
"""
_OTHERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)


async def copy(url: str, to: Path) -> list[Expected]:
    """Copy the database into a new file; return the attachments that the copy names."""
    parts = make_url(url)
    if parts.drivername.startswith("sqlite"):
        _copy_sqlite(_file_of(parts), to)
        return await expected(f"sqlite+aiosqlite:///{to}")
    opened = open_database(url)
    try:
        async with opened.reading() as connection:
            snapshot = await connection.scalar(text("SELECT pg_export_snapshot()"))
            await _dump(parts, to, f"--snapshot={snapshot}")
            return await store.expected(connection)
    finally:
        await opened.close()


async def expected(url: str) -> list[Expected]:
    """Return the attachments that a database names now."""
    opened = open_database(url)
    try:
        async with opened.reading() as connection:
            return await store.expected(connection)
    finally:
        await opened.close()


def _copy_sqlite(file: Path, to: Path) -> None:
    if not file.is_file():
        raise BackupRefused(f"There is no database {file.absolute()}.")
    # SQLite's own online backup: a plain copy of a file that is written to may be torn.
    with (
        closing(sqlite3.connect(f"file:{file.absolute()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(to)) as target,
    ):
        source.backup(target)
        if target.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            raise BackupRefused(f"The database {file.absolute()} is damaged.")


async def check_unused(url: str) -> None:
    """Raise BackupRefused while a node is connected to PostgreSQL."""
    parts = make_url(url)
    if parts.drivername.startswith("sqlite"):
        return
    others = await _run(parts, "psql", "--tuples-only", "--no-align", f"--command={_OTHERS}")
    if others.strip() != "0":
        raise BackupRefused(
            f"{others.strip()} connections to the database are open: stop every node first."
        )


async def replace(url: str, source: Path, aside: Path, work: Path) -> None:
    """Put a copy in the database's place; the database of today goes into the folder ``aside``."""
    parts = make_url(url)
    if parts.drivername.startswith("sqlite"):
        file = _file_of(parts)
        for one in (file, Path(f"{file}-wal"), Path(f"{file}-shm")):
            if one.exists():
                shutil.move(one, aside / one.name)
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(source, file)
        return
    await _dump(parts, aside / source.name)
    drop, fill = work / "drop.sql", work / "fill.sql"
    drop.write_text(_DROP_ALL, "utf-8")
    await _run(parts, "pg_restore", "--no-owner", f"--file={fill}", str(source))
    once = ("--single-transaction", "--set=ON_ERROR_STOP=1", "--quiet", "--output=/dev/null")
    await _run(parts, "psql", *once, f"--file={drop}", f"--file={fill}")


def _file_of(url: URL) -> Path:
    return Path(url.database or "")


async def _dump(url: URL, to: Path, *options: str) -> None:
    await _run(url, "pg_dump", "--format=custom", "--no-owner", f"--file={to}", *options)


async def _run(url: URL, program: str, *arguments: str) -> str:
    """Run a program of PostgreSQL on a database; return what it printed. Raises BackupRefused."""
    command: Sequence[str] = [program, *arguments]
    try:
        done = await asyncio.to_thread(
            subprocess.run,
            command,
            env=os.environ | _connection(url),
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise BackupRefused(
            f"{program} is not installed. Debian: apt-get install postgresql-client"
        ) from error
    if done.returncode != 0:
        raise BackupRefused(f"{program} failed: {done.stderr.strip()}")
    return done.stdout


def _connection(url: URL) -> dict[str, str]:
    """Return the variables by which PostgreSQL's programs know the server, the database and the
    account."""
    query = {name: str(value) for name, value in url.query.items()}
    given = {
        "PGHOST": query.get("host") or url.host,
        "PGPORT": query.get("port") or (str(url.port) if url.port else None),
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
        "PGSSLMODE": query.get("ssl"),
    }
    return {name: str(value) for name, value in given.items() if value}
