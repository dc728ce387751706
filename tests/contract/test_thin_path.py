"""Two phones, one direct conversation, end to end through the service, with real keys: the second
opens the messages that the first sends, and checks them as a receiver does."""

import pytest

from copconnect import wire
from copconnect.bus import EntryWakeup, KeyWakeup, RosterWakeup
from copconnect.database.engine import Database
from copconnect.delivery.dependencies import Options
from copconnect.ids import Seq
from copconnect.records.conversation.conversation_key import ConversationKey
from copconnect.records.conversation.message import message_hash, next_log_hash
from copconnect.records.conversation.roster import HeadStamp, RosterHead, check_proof
from copconnect.records.primitives.fields import ZEROS
from copconnect.records.primitives.kem import X25519, XWING
from tests.contract.delivery_world import World
from tests.contract.device import Talk, head_of, header_of, keys_of, leaf_of


@pytest.mark.parametrize("kem", [X25519, XWING])
async def test_two_phones_talk(database: Database, kem: int) -> None:
    world = World(database, Options(kem=kem))
    alice, bob = world.registry.register(), world.registry.register()
    made = await world.direct(alice, bob)
    talk = Talk(world.service, made.conversation_id)
    # The head is the authority's, newest by its stamp, and lists both.
    assert made.roster is not None
    head = head_of(made)
    head.check(world.authority.public_key, bytes.fromhex(made.conversation_id))
    assert (head.epoch, head.rekey_epoch, head.devices, head.kem) == (1, 1, 2, kem)
    stamp = HeadStamp.parse(made.roster.stamp)
    stamp.check(head, world.authority.public_key, world.clock.at, floor=1)
    leaf = leaf_of(alice, made.roster)
    assert (leaf.person_id.hex(), leaf.history_from) == (alice.caller.person_id, 0)
    assert leaf.may_send

    key_id = await talk.begin(alice, [bob])
    accepted = await talk.say(alice, key_id, b"hello")
    assert accepted == wire.Accepted(seq=Seq(1), sent_ms=world.clock.at)

    # Bob opens with what the page gives him, and nothing else.
    bob.secrets.clear()
    page = await world.service.log.page(
        bob.caller, made.conversation_id, after=0, before=None, limit=10
    )
    assert [bob.open_key(item) for item in page.keys] == [key_id]
    assert [bob.open_message(one) for one in page.entries] == [b"hello"]
    heads = {one.epoch: one for one in map(RosterHead.parse, page.heads)}
    for proof in page.proofs:
        assert check_proof(heads[proof.epoch], alice.device, proof.proof, "R2")[0].may_send
    assert (page.log_hash, page.last_seq, page.more) == (ZEROS, 1, False)

    # His answer carries the log hash that the server has there too.
    first = next_log_hash(ZEROS, message_hash(page.entries[0].message))
    await talk.say(bob, key_id, b"hi", log_position=1, log_hash=first)
    later = await world.service.log.page(
        alice.caller, made.conversation_id, after=1, before=None, limit=10
    )
    assert later.log_hash == first
    assert [alice.open_message(one) for one in later.entries] == [b"hi"]
    kinds = [type(one) for one in world.wakeups]
    assert kinds.count(EntryWakeup) == 2
    assert kinds.count(KeyWakeup) == kinds.count(RosterWakeup) == 1


@pytest.mark.databases("sqlite")
async def test_the_newest_key_is_handed_out_with_its_author_proven(database: Database) -> None:
    world = World(database)
    alice, bob = world.registry.register(), world.registry.register()
    made = await world.direct(alice, bob)
    talk = Talk(world.service, made.conversation_id)
    nothing = await world.service.keys.read(bob.caller, made.conversation_id, None)
    assert nothing == wire.Keys(key=None, head=None, proof=None)
    head = await talk.head(alice)
    body = alice.post_key(head, keys_of([alice]), [bob.device])
    accepted = await world.service.keys.submit(alice.caller, made.conversation_id, body)
    key_id = bytes.fromhex(accepted.key_id)
    # Bob was left to himself: the record is there, a seal is not.
    found = await world.service.keys.read(bob.caller, made.conversation_id, None)
    assert found.key is not None
    assert found.head is not None
    assert found.proof is not None
    assert found.key.seal is None
    assert ConversationKey.parse(found.key.record).hash() == key_id
    check_proof(RosterHead.parse(found.head), alice.device, found.proof, "S2")


async def test_s7_a_device_finds_its_chains_end(database: Database) -> None:
    world = World(database)
    alice, bob = world.registry.register(), world.registry.register()
    made = await world.direct(alice, bob)
    talk = Talk(world.service, made.conversation_id)
    empty = await world.service.log.chain(alice.caller, made.conversation_id)
    assert empty.header is None
    key_id = await talk.begin(alice, [bob])
    await talk.say(alice, key_id)
    await talk.say(alice, key_id)
    found = await world.service.log.chain(alice.caller, made.conversation_id)
    assert found.header is not None
    header = header_of(found.header)
    assert (header.seq, header.hash()) == alice.chains[made.conversation_id]
