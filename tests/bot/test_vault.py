"""The state file: who may open it, what a crash leaves, and what a thief of the file sees."""

import sqlite3
from pathlib import Path

import pytest

from copconnect.bot import KeyFile, Passphrase, StateFailure
from copconnect.bot.state.rows import LogRow
from copconnect.bot.state.vault import Table, Unlock, Vault

WORDS = Passphrase("correct horse battery staple")


def rows_of(vault: Vault) -> Table[LogRow]:
    return Table(vault, "log", LogRow)


def row(position: int) -> LogRow:
    return LogRow(position=position, hash=b"secret hash " + bytes([position]) * 20)


@pytest.fixture(params=["passphrase", "key file"])
def unlock(request: pytest.FixtureRequest, tmp_path: Path) -> Unlock:
    if request.param == "passphrase":
        return WORDS
    return KeyFile.make(tmp_path / "bot.key")


def test_rows_are_there_again_in_their_order(tmp_path: Path, unlock: Unlock) -> None:
    file = tmp_path / "bot"
    vault = Vault.create(file, unlock)
    for position in (3, 1, 2):
        rows_of(vault).put(str(position), row(position), "part", place=position)
    rows_of(vault).put("1", row(9), "another part")
    vault.close()
    assert file.stat().st_mode & 0o777 == 0o600
    vault = Vault.open(file, unlock)
    table = rows_of(vault)
    assert table.all("part") == [row(1), row(2), row(3)]
    assert table.all("part", newest=True, limit=1) == [row(3)]
    table.delete_below(3, "part")
    assert (table.all("part"), table.get("1", "part")) == ([row(3)], None)
    assert table.get("1", "another part") == row(9)
    vault.close()


def test_a_wrong_passphrase_or_key_opens_nothing(tmp_path: Path, unlock: Unlock) -> None:
    Vault.create(tmp_path / "bot", unlock).close()
    for wrong in (Passphrase("another"), KeyFile.make(tmp_path / "another.key")):
        with pytest.raises(StateFailure, match="wrong passphrase or key"):
            Vault.open(tmp_path / "bot", wrong)
    Vault.open(tmp_path / "bot", unlock).close()


def test_files_that_others_can_read_are_refused(tmp_path: Path) -> None:
    key, file = KeyFile.make(tmp_path / "bot.key"), tmp_path / "bot"
    Vault.create(file, key).close()
    for one in (file, key.path):
        one.chmod(0o640)
        with pytest.raises(StateFailure, match="chmod 600"):
            Vault.open(file, key)
        one.chmod(0o600)
    Vault.open(file, key).close()
    with pytest.raises(StateFailure, match="cannot be made"):
        Vault.create(file, key)
    with pytest.raises(StateFailure, match="cannot be read"):
        Vault.open(tmp_path / "missing", key)
    (tmp_path / "text").write_text("no database, whatever its length" * 99)
    (tmp_path / "text").chmod(0o600)
    with pytest.raises(StateFailure, match="not a bot's state"):
        Vault.open(tmp_path / "text", key)


def test_one_process_at_a_time(tmp_path: Path) -> None:
    vault = Vault.create(tmp_path / "bot", WORDS)
    with pytest.raises(StateFailure, match="in use"):
        Vault.open(tmp_path / "bot", WORDS)
    vault.close()
    Vault.open(tmp_path / "bot", WORDS).close()


def test_a_transaction_is_whole_or_absent(tmp_path: Path) -> None:
    vault = Vault.create(tmp_path / "bot", WORDS)
    table = rows_of(vault)

    def fails() -> None:
        with vault.transaction():
            table.put("1", row(1))
            with vault.transaction():
                table.put("2", row(2))
            raise LookupError

    with pytest.raises(LookupError):
        fails()
    assert table.all() == []
    with vault.transaction():
        table.put("1", row(1))
    assert table.all() == [row(1)]
    vault.close()


def test_a_row_that_was_changed_or_moved_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "bot"
    vault = Vault.create(file, WORDS)
    rows_of(vault).put("1", row(1), "part", place=1)
    rows_of(vault).put("2", row(2), "part", place=2)
    vault.close()
    assert b"secret hash" not in file.read_bytes()
    assert b"part" not in file.read_bytes().replace(b"part BLOB", b"").replace(b"store, part", b"")
    database = sqlite3.connect(file)
    with database:
        (second,) = database.execute("SELECT value FROM rows WHERE place = 2").fetchone()
        database.execute("UPDATE rows SET value = ? WHERE place = 1", (second,))
    database.close()
    vault = Vault.open(file, WORDS)
    with pytest.raises(StateFailure, match="damaged"):
        rows_of(vault).get("1", "part")
    assert rows_of(vault).get("2", "part") == row(2)
    vault.close()


def test_a_wiped_file_opens_no_more(tmp_path: Path) -> None:
    vault = Vault.create(tmp_path / "bot", WORDS)
    rows_of(vault).put("1", row(1))
    vault.wipe()
    vault.close()
    with pytest.raises(StateFailure):
        Vault.open(tmp_path / "bot", WORDS)
