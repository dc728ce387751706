"""The golden vectors of spec/keys on the SDK's own paths: people, heads, cell keys, keys, log."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace as replace_struct

from copconnect.bot.conversation.judging import Entry, Judged, Opened, judge
from copconnect.bot.conversation.place import Place
from copconnect.bot.conversation.recipients import direct_plan
from copconnect.ids import ConversationId
from copconnect.records.conversation.roster import direct_id
from copconnect.records.primitives.fields import Refused, sha256
from copconnect.records.primitives.kem import seal_bytes
from copconnect.records.trust.device_key import DeviceKey
from tests.bot.golden_device import ME, GoldenDevice, log_hash
from tests.records import golden
from tests.records.vectors import ALL, Vectors


@pytest.fixture(params=ALL)
def v(request: pytest.FixtureRequest) -> Vectors:
    found: Vectors = ALL[request.param]
    return found


@pytest.fixture
def bot(v: Vectors, tmp_path: Path) -> Iterator[GoldenDevice]:
    """A device that holds nothing but its own keys and its cell's."""
    made = GoldenDevice(v, tmp_path)
    cell = v["cell_keys"]["1"]
    assert made.place.keys.learn_cell_key(cell["record"], cell["seals"][ME])[1]
    yield made
    made.stores.vault.close()


async def test_the_log_is_taken_and_its_hashes_are_the_vectors(bot: GoldenDevice) -> None:
    async with bot.place.lock:
        await bot.inbox.catch_up(bot.place)
    v, log = bot.v, bot.place.row.log
    assert log is not None
    assert bot.stores.pending.all(bot.place.id) == []
    assert (log.cursor, log.hash) == (3, v["log"][3])
    assert [one.hash for one in bot.stores.log.all(bot.place.id)] == v["log"][1:]
    assert bot.place.row.named_epoch == 3
    for one in v["conversation_keys"].values():
        held = bot.place.keys.find(one["key_id"])
        assert held is not None
        assert held.secret == one["secret"]
    assert log_hash(bot.api.log) == v["log"][3]


async def test_each_message_opens_to_the_vectors_plaintext_and_k(bot: GoldenDevice) -> None:
    for position, name in enumerate(("1", "2", "3"), 1):
        one = bot.v["messages"][name]
        entry = Entry(position, bot.v["now"], one["message"], 0)
        found = await judge(bot.context, bot.place, entry)
        assert isinstance(found, Opened), found
        assert (found.plaintext, found.key) == (one["plaintext"], one["body_key"])
        assert found.header_hash == one["header_hash"]


async def test_r9_without_a_seal_messages_wait_and_open_when_a_share_has_come(
    bot: GoldenDevice,
) -> None:
    bot.api.sealing = False
    async with bot.place.lock:
        await bot.inbox.catch_up(bot.place)
    missing = [one["key_id"] for one in bot.v["conversation_keys"].values()]
    assert bot.inbox.missing_keys(bot.place) == missing
    assert bot.missing
    for one in bot.v["conversation_keys"].values():
        bot.place.keys.take_secret(one["key_id"], one["secret"])
    async with bot.place.lock:
        assert await bot.inbox.keys_came(bot.place) == set(missing)
    assert bot.stores.pending.all(bot.place.id) == []


def _bad() -> list[Any]:
    found: list[Any] = []
    for kem, v in ALL.items():
        for case in v["negatives"]:
            if case["check"] == "message":
                found.append(pytest.param(kem, case, id=f"{kem}: {case['name']}"))
    return found


@pytest.mark.parametrize(("kem", "case"), _bad())
async def test_what_the_vectors_refuse_is_refused(kem: str, case: Vectors, tmp_path: Path) -> None:
    v = ALL[kem]
    bot = GoldenDevice(v, tmp_path)
    for one in v["conversation_keys"].values():
        bot.place.keys.learn(one["record"], None)
        bot.place.keys.take_secret(one["key_id"], one["secret"])
    if record := case.get("record"):
        bot.api.records[sha256(record)] = record
        if not case["name"].endswith("another conversation"):
            bot.place.keys.learn(record, None)
            bot.place.keys.take_secret(sha256(record), v["conversation_keys"]["2"]["secret"])
    before = [v["messages"][name]["message"] for name in case.get("after", "1").split()]
    bot.api.log = before
    async with bot.place.lock:
        await bot.inbox.catch_up(bot.place)
        bot.api.log = [*before, case["data"].ljust(354, b"\0")]
        entry = Entry(len(before) + 1, v["now"], case["data"], bot.place.row.named_epoch)
        found = await judge(bot.context, bot.place, entry)
    bot.stores.vault.close()
    assert isinstance(found, Judged), case["name"]
    # A device fetches what a rule looks at before it looks, and finds that there is no such thing.
    gathered = "unknown" in found.refusal.message or "not listed" in found.refusal.message
    assert found.refusal.rule == case["rule"] or gathered, (case["name"], found.refusal)


def test_a_state_file_holds_no_secret_in_the_clear(bot: GoldenDevice, tmp_path: Path) -> None:
    for one in bot.v["conversation_keys"].values():
        bot.place.keys.learn(one["record"], None)
        bot.place.keys.take_secret(one["key_id"], one["secret"])
    kept = b"".join(
        file.read_bytes() for file in tmp_path.glob("golden.bot*") if file.suffix != ".key"
    )
    assert len(kept) > seal_bytes(bot.v["kem"])
    for one in bot.v["conversation_keys"].values():
        assert one["secret"] not in kept
        assert one["record"] not in kept


async def test_r10_a_third_person_gets_nothing_in_a_direct_conversation(bot: GoldenDevice) -> None:
    """The id says whose it is, though the server calls it a group; three people are listed."""
    own = bot.context.identity.person
    leaves = [golden.leaf(bot.v, name) for name in ("a", "c", "d")]
    other, _ = [one.person_id for one in leaves if one.person_id != own]
    conversation_id = ConversationId(direct_id(own, other).hex())
    row = replace_struct(bot.place.row, conversation_id=conversation_id)
    bot.stores.conversations.put(conversation_id, row)
    place = Place(bot.context, row)
    await bot.context.time.anchor()
    await bot.context.people.ensure([one.person_id for one in leaves])
    place.knowledge.view.conversation_id = bot.v["conversation"]  # Whose heads list the three.
    head = place.knowledge.view.add_head(bot.v["roster"]["3"]["head"])
    for name in ("c", "d"):
        proof = bot.v["roster"]["3"]["leaves"][name]
        place.knowledge.view.add_proof(head.epoch, golden.device(bot.v, name), proof)
    assert place.knowledge.view.leaf(golden.device(bot.v, "d"), head.epoch, "S2")
    plan = await direct_plan(bot.context, place, leaves, head)
    assert golden.device(bot.v, "d").hex() in plan.left_out
    sealed_to = {one.device for one in plan.keys if isinstance(one, DeviceKey)}
    assert golden.device(bot.v, "d") not in sealed_to
    assert golden.device(bot.v, "a") in sealed_to
    assert place.row.direct_person_id == other.hex()
    assert any("third person" in one.text for one in bot.stores.alarms.all())
    # Senders, authors of keys and recipients of shares are judged by their leaf.
    with pytest.raises(Refused, match="R10"):
        place.knowledge.view.leaf(golden.device(bot.v, "d"), head.epoch, "S2")


async def test_s8_a_shorter_log_stands_still_until_an_incarnation_or_the_own_hash(
    bot: GoldenDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = list(bot.api.log)

    def stands() -> bool:
        return bot.place.row.standstill

    async with bot.place.lock:
        await bot.inbox.catch_up(bot.place)
        followed = bot.place.row.log
        del bot.api.log[1:]
        await bot.inbox.catch_up(bot.place)
        assert stands()
        assert bot.place.row.log == followed
        bot.api.log[:] = whole
        await bot.inbox.catch_up(bot.place)
        assert not stands()
        # The roster authority's word alone lets it go back, once.
        del bot.api.log[1:]
        monkeypatch.setattr(type(bot.context.people), "incarnation", 7)
        await bot.inbox.catch_up(bot.place)
        row = bot.place.row
        assert row.log is not None
        assert (row.log.cursor, row.standstill, row.incarnation) == (1, False, 7)
        bot.api.log.clear()
        await bot.inbox.catch_up(bot.place)
        assert stands()
