"""The audit log as a file that somebody changes before it is verified (A5).

Most cases compute numbers, digests and hashes again, so that nothing but the signed root, or the
signature of a device, can tell.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from copconnect import wire
from copconnect.admin.rules import DEFAULT_RULES
from copconnect.audit import exported
from copconnect.audit.rules import ZEROS, Broken, EntryContent, Noted, entry_hash
from copconnect.auth_service.keys import authority
from copconnect.cli import app
from copconnect.records.primitives.merkle import leaf_hash as leaf
from copconnect.records.primitives.merkle import root
from copconnect.records.trust.time_record import TimeRecord
from tests.identity.acting import suspend
from tests.identity.approved import Force
from tests.identity.running import Device, MovedClock, Running
from tests.identity.signing import act, export, looked_at
from tests.identity.test_rights_acts import RECEPTION, second_root

pytestmark = pytest.mark.databases("sqlite")

Line = dict[str, Any]


def verify(running: Running, lines: Sequence[bytes | Line], **noted: Any) -> exported.VerifiedFile:
    keys = keys_of(running)
    encoded = [one if isinstance(one, bytes) else msgspec.json.encode(one) for one in lines]
    found = authority.issuing_keys(keys)
    return exported.verify(encoded, authority.key_of(keys / authority.ROOT), found, **noted)


def keys_of(running: Running) -> Path:
    return Path(running.container.settings.data_dir) / "keys"


async def exported_log(running: Running, admin: Device) -> list[Line]:
    answer = await export(running, admin, "audit", "jsonl")
    return [msgspec.json.decode(one) for one in answer.content.splitlines()]


async def twice_approved(approving: Running, force: Force, clock: MovedClock) -> list[Line]:
    """Return a log with two acts that a second admin approved, and one act after them."""
    other = await second_root(approving, force, clock)
    for table in ([*DEFAULT_RULES, RECEPTION], list(DEFAULT_RULES)):
        assert (await act(approving, force.root, wire.SetRights(rules=table))).is_success
        (one,) = (await approving.get("/v1/admin/acts", other)).json()["acts"]
        agree = await looked_at(approving, other, one)
        assert (await act(approving, other, agree)).is_success
        clock.ms += 1000
    await act(approving, force.root, suspend(force.admin, "Secret"))
    return await exported_log(approving, force.root)


def entries(lines: Sequence[Line]) -> list[Line]:
    return [one for one in lines if one["line"] == "entry"]


def kind(entry: Line) -> str:
    return str(msgspec.json.decode(entry["content"]["act"])["act"])


def chained(lines: Sequence[Line]) -> list[Line]:
    """Return the lines with numbers and hashes that follow one another."""
    previous, number, made = ZEROS, 0, list[Line]()
    for one in lines:
        if one["line"] == "entry":
            number += 1
            content = EntryContent(
                **msgspec.structs.asdict(msgspec.convert(one["content"], wire.AuditContent))
            )
            previous = entry_hash(previous, number, one["madeMs"], content.digest())
            hashed = {"number": number, "digest": content.digest(), "hash": previous}
            made.append(one | hashed)
        else:
            made.append(one)
    return made


def cut(lines: list[Line]) -> list[Line]:
    return lines[:-2]


def without_middle(lines: list[Line]) -> list[Line]:
    dropped = next(one for one in entries(lines) if kind(one) == "device_confirmed")
    return [one for one in lines if one is not dropped]


def reordered(lines: list[Line]) -> list[Line]:
    """Exchange two entries of operators, which no device signed."""
    first, second = [one for one in entries(lines) if not one["content"]["signedAs"]][:2]
    swapped = {id(first): second, id(second): first}
    return [swapped.get(id(one), one) for one in lines]


def another_approval(lines: list[Line]) -> list[Line]:
    first, second = (one for one in entries(lines) if kind(one) == "act_approved")
    swapped = {id(first): second, id(second): first}
    return [swapped.get(id(one), one) for one in lines]


def reworded(lines: list[Line]) -> list[Line]:
    """Change what an operator did, which no device signed."""
    unsigned = next(one for one in entries(lines) if not one["content"]["signedAs"])
    content = unsigned["content"] | {"by": "operator nobody"}
    return [one | {"content": content} if one is unsigned else one for one in lines]


@pytest.mark.parametrize(
    ("change", "number", "reason"),
    [
        (cut, -1, "is missing: there were .* entries"),
        (without_middle, 0, "is missing: there were .* entries"),
        (reordered, 0, "another log than the one whose root"),
        (another_approval, None, "is not the approval of the act before it"),
        (reworded, 0, "another log than the one whose root"),
    ],
    ids=["cut", "middle", "reordered", "approval", "reworded"],
)
async def test_a_changed_file_is_refused_though_its_chain_holds(
    approving: Running,
    force: Force,
    clock: MovedClock,
    change: Callable[[list[Line]], list[Line]],
    number: int | None,
    reason: str,
) -> None:
    lines = await twice_approved(approving, force, clock)
    whole = verify(approving, lines)
    assert whole.number == len(entries(lines))
    assert verify(approving, chained(lines)) == whole
    with pytest.raises(Broken, match=reason) as broken:
        verify(approving, chained(change(lines)))
    if number is not None:
        assert broken.value.number == whole.number + number


async def test_an_older_signed_root_serves_its_own_shorter_log_alone(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    """Whole, an older file tells its time; an entry that was noted since shows that it is old."""
    older = await exported_log(approving, force.root)
    before, then = verify(approving, older), clock.ms
    clock.ms += 86_400_000
    force.root = await approving.back(force.root)
    newer = await exported_log(approving, force.root)
    now = verify(approving, newer)
    assert (before.time_ms, now.number) == (then, before.number + 1)
    with pytest.raises(Broken, match=r"was added: there were .* entries"):
        verify(approving, [older[0], *newer[1:]])
    with pytest.raises(Broken, match=r"is missing: there were .* entries"):
        verify(approving, [newer[0], *older[1:]])
    assert verify(approving, newer, noted=Noted(before.number, before.hash)) == now
    with pytest.raises(Broken, match="was noted"):
        verify(approving, older, noted=Noted(now.number, now.hash))
    with pytest.raises(Broken, match="another than the one that was noted"):
        verify(approving, newer, noted=Noted(before.number, now.hash))


async def test_a_root_that_somebody_else_signed_is_refused(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    """Somebody with the database, without the roster authority's key, signs a shorter log."""
    lines = await twice_approved(approving, force, clock)
    shorter = lines[:-1]
    hashes = [bytes(msgspec.convert(one["hash"], bytes)) for one in entries(shorter)]
    record = TimeRecord.parse(msgspec.convert(lines[0]["time"], bytes))
    foreign = TimeRecord(
        nonce=record.nonce,
        time=record.time,
        log_size=len(hashes),
        log_root=root([leaf(one) for one in hashes]),
    )
    key = Ed25519PrivateKey.generate()
    signed = {"time": foreign.signed(key).encode()}
    department = bytearray(msgspec.convert(lines[0]["department"], bytes))
    own = authority_in(bytes(department), key)
    for head in (signed, signed | {"department": own}, {"time": b""}, {"department": b""}):
        with pytest.raises(Broken, match="roster authority did not sign"):
            verify(approving, [lines[0] | head, *shorter[1:]])
    rightly = approving.container.authority.roster.signed(foreign).encode()
    assert verify(approving, [lines[0] | {"time": rightly}, *shorter[1:]]).number == len(hashes)


def authority_in(department: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return a department record that names another roster authority, as nobody signed it."""
    at = 1 + 8 + 8 + 1
    return department[:at] + key.public_key().public_bytes_raw() + department[at + 32 :]


async def test_the_command_names_the_entry_and_compares_it_with_a_noted_one(
    approving: Running, force: Force, clock: MovedClock, tmp_path: Path
) -> None:
    lines = await twice_approved(approving, force, clock)
    found = verify(approving, lines)
    file, keys = tmp_path / "log.jsonl", str(keys_of(approving))

    def said(content: Sequence[Line], *options: str) -> tuple[int, str]:
        file.write_bytes(b"\n".join(map(msgspec.json.encode, content)) + b"\n")
        result = CliRunner().invoke(app, ["audit", "verify", str(file), "--keys", keys, *options])
        return result.exit_code, " ".join(result.output.split())

    newest = f"{found.number}:{found.hash.hex()}"
    code, words = said(lines)
    assert code == 0, words
    assert f"Newest entry: {newest}" in words
    # A former authority's key signs a file of today, with the record that named it.
    newest_record = approving.container.authority.departments[-1].number
    assert f"department record {newest_record} signed" in words
    assert said(lines, "--noted", newest)[0] == 0
    code, words = said(lines[:-1])
    assert code == 1
    assert f"The file is not whole: entry {found.number}: is missing" in words
    code, words = said(lines, "--noted", f"{found.number}:{'0' * 64}")
    assert code == 1
    assert "another than the one that was noted" in words
    assert said(lines, "--noted", "7")[0] == 1
