"""The files of a bot: whom they open for, and what of them is refused. The storage itself is tested
in client/src/vault/sqlite.test.ts (test_storage.py)."""

import asyncio
from pathlib import Path

import pytest

from copconnect.bot import Bot, BotFailure, KeyFile, Passphrase, StateFailure
from copconnect.bot.cli import main
from copconnect.bot.core import opened, require_safe
from copconnect.bot.state import make_private
from tests.bot.enrolled import key_of, register_bot, soon
from tests.harness import databank
from tests.harness.server import ServerProcess

OFFICERS = databank.officers()
WORDS = Passphrase("patrol car at Madina")


async def opens(state: Path, unlock: KeyFile | Passphrase, server: str | None = None) -> None:
    async with opened(state, unlock, server=server):
        pass


async def test_files_that_others_can_read_are_refused(tmp_path: Path) -> None:
    state = tmp_path / "bot"
    key = KeyFile.make(key_of(state).path)
    with pytest.raises(StateFailure, match="cannot be read"):
        await opens(state, key)
    make_private(state)
    for file in (state, key.path):
        file.chmod(0o640)
        with pytest.raises(StateFailure, match="chmod 600"):
            await opens(state, key)
        file.chmod(0o600)
    with pytest.raises(BotFailure, match="not registered"):
        await opens(state, key)
    for existing in (state, key.path):
        with pytest.raises(StateFailure, match="cannot be made"):
            make_private(existing)
    key.path.write_text("no key\n", encoding="ascii")
    with pytest.raises(StateFailure, match="is not a key file"):
        await opens(state, key)


async def test_a_wrong_passphrase_or_key_opens_nothing(tmp_path: Path) -> None:
    state = tmp_path / "bot"
    make_private(state)
    await opens(state, WORDS, "http://localhost:1")
    await opens(state, WORDS)
    for wrong in (Passphrase("patrol car at madina"), KeyFile.make(tmp_path / "key")):
        with pytest.raises(StateFailure, match="wrong passphrase or key file"):
            await opens(state, wrong)
    state.write_text("something else" * 100, encoding="ascii")
    with pytest.raises(StateFailure, match="is not a bot's state"):
        await opens(state, WORDS)


def test_tokens_go_to_a_safe_server_alone() -> None:
    assert require_safe("https://connect.police.example/") == "https://connect.police.example"
    for server in ("http://connect.police.example", "ftp://x", "https://x/y", "https://x?y"):
        with pytest.raises(BotFailure, match="not an https"):
            require_safe(server)


@pytest.mark.timeout(120)
async def test_one_process_uses_a_state_file(
    server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "bot"
    await register_bot(server, OFFICERS[0], state)
    async with Bot(state).started():
        with pytest.raises(StateFailure, match="in use by another process"):
            async with Bot(state).started():
                pass
        assert await asyncio.to_thread(main, ["status", "--state", str(state)]) == 1
        assert "in use by another process" in capsys.readouterr().err
    bot = Bot(state)
    async with bot.started():
        await soon(bot.ready())
    assert await asyncio.to_thread(main, ["status", "--state", str(state)]) == 0
    assert "confirmed      yes" in capsys.readouterr().out
