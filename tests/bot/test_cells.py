"""S3, S4: to whom a bot seals a key of a conversation of two cells, by the golden vectors."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from copconnect.bot.conversation.place import HeadRefused, Newest
from copconnect.bot.conversation.recipients import plan_for
from copconnect.bot.conversation.signing import Signing
from copconnect.records.conversation.conversation_key import ConversationKey
from copconnect.records.conversation.roster import Leaf, Rights
from copconnect.records.conversation.seals import parse_seals
from copconnect.records.trust.device_key import DeviceKey
from copconnect.sealing.keys import cell_private_key, open_conversation_key
from tests.bot.golden_device import GoldenDevice
from tests.records import golden
from tests.records.vectors import ALL, Vectors


@pytest.fixture(params=ALL)
def v(request: pytest.FixtureRequest) -> Vectors:
    found: Vectors = ALL[request.param]
    return found


@pytest.fixture
async def bot(v: Vectors, tmp_path: Path) -> AsyncIterator[GoldenDevice]:
    made = GoldenDevice(v, tmp_path)
    for one in v["roster"].values():
        made.place.take_head(one["head"])
    await made.context.time.anchor()
    yield made
    made.stores.vault.close()


def newest(bot: GoldenDevice) -> Newest:
    head = bot.place.knowledge.held_head(3)
    assert head is not None
    identity = bot.context.identity
    cell = bot.v["cell_keys"]["1"]["cell"]
    return Newest(head, Leaf(cell, identity.person, identity.device, 0, Rights.POST))


async def test_s3_a_new_key_is_sealed_once_to_each_cell(bot: GoldenDevice) -> None:
    made = await Signing(bot.context, lambda *_: None).make_key(
        bot.place, newest(bot), patient=False
    )
    assert made is not None
    record = ConversationKey.parse(made.body.record)
    seals = parse_seals(bot.v["kem"], made.body.seals, "S3", 10)
    by_key = {one.key_id: one for one in seals}
    assert set(by_key) == {one["key_id"] for one in bot.v["cell_keys"].values()}
    assert made.body.left_out == []
    for one in bot.v["cell_keys"].values():
        cell = golden.cell_key(bot.v, "1" if one is bot.v["cell_keys"]["1"] else "2")
        private = cell_private_key(cell, one["secret"])
        seal = by_key[one["key_id"]]
        secret = open_conversation_key(record, seal, bot.v["kem"], seal.key_id, private)
        assert secret == made.secret


async def test_s4_a_bad_cell_key_affects_its_own_cell_alone(bot: GoldenDevice) -> None:
    spoilt = bot.v["cell_keys"]["2"]["record"]
    bot.api.spoil = lambda data: data[:-1] + bytes([data[-1] ^ 1]) if data == spoilt else data
    plan = await plan_for(bot.context, bot.place, newest(bot).head, patient=False)
    assert plan is not None
    devices = [one.device for one in plan.keys if isinstance(one, DeviceKey)]
    assert devices == [golden.device(bot.v, "c")]
    assert {one.key_id() for one in plan.keys} - {plan.keys[0].key_id()} == {
        bot.v["cell_keys"]["1"]["key_id"]
    }
    # Device d has no endorsement: it gets nothing from here, and is named (D2).
    assert plan.left_out == [golden.device(bot.v, "d").hex()]


async def test_s3_leaves_that_are_not_the_heads_seal_to_nobody(
    bot: GoldenDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = await bot.api.own_cell(bot.place.id)
    other = await bot.api.cell(bot.place.id, bot.v["cell_keys"]["2"]["cell"])
    signing = Signing(bot.context, lambda *_: None)
    for lie in (
        replace(true, leaves=other.leaves),
        replace(true, leaves=true.leaves[:-1] + bytes([true.leaves[-1] ^ Rights.POST])),
        replace(true, line=other.line),
        replace(true, path=other.path),
        replace(true, head=bot.v["roster"]["2"]["head"]),
    ):

        async def own_cell(_: object, lie: object = lie) -> object:
            return lie

        monkeypatch.setattr(bot.api, "own_cell", own_cell)
        with pytest.raises(HeadRefused):
            await signing.make_key(bot.place, newest(bot), patient=False)
