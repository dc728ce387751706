"""Statements of messages: many devices share them, for the first message of each device too."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.force import caching
from bench.force.groups import groups
from bench.force.making import settings_of
from bench.machine import copying
from bench.measures import ingest
from copconnect.app import command_line, create_app
from tests.contract.statements import Statements
from tests.harness.officer import MSGPACK
from tests.harness.postgresql import PostgreSQL

GROUPS, MEMBERS = 10, 20
MOST_FIRST, MOST_NEXT = 0.3, 0.15  # Statements for each message (docs/benchmarks.md).


@pytest.mark.postgresql
async def test_messages_of_many_devices_share_their_statements(
    postgresql: PostgreSQL, tmp_path: Path
) -> None:
    force = await asyncio.to_thread(caching.force, tmp_path / "cache", GROUPS * MEMBERS)
    prepared, found = await asyncio.to_thread(groups, force, GROUPS, MEMBERS)
    posts = ingest.made(force, found, rounds=2)
    first, following = posts[: len(posts) // 2], posts[len(posts) // 2 :]
    shutil.copytree(force.folder / "keys", tmp_path / "keys")
    url = postgresql.url(await postgresql.create_database())
    await copying.to_postgresql(prepared, url)
    async with command_line(settings_of(tmp_path, database_url=url)) as container:
        app: Any = create_app(container.settings, container)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:

            async def post(one: ingest.Posted) -> None:
                headers = {"content-type": MSGPACK, "authorization": f"Bearer {one.token}"}
                answer = await http.post(one.path, content=one.body, headers=headers)
                assert answer.status_code == 200, answer.text

            for messages, most in ((first, MOST_FIRST), (following, MOST_NEXT)):
                with Statements(container.database) as statements:
                    await asyncio.gather(*map(post, messages))
                assert 4 <= len(statements) <= most * len(messages), statements
