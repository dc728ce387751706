"""The life of a cell through the Delivery Service, with the client's real MLS bytes."""

import msgspec
import pytest

from copconnect import errors, wire
from copconnect.bus import EntryWakeup
from copconnect.database import Database
from copconnect.delivery import roster_head, roster_tree
from copconnect.principals import Caller
from tests.contract.delivery_world import Vectors, World


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


async def three(world: World, vectors: Vectors) -> tuple[Caller, Caller, Caller]:
    alice, bob, carol = (
        vectors.register(world.registry, name) for name in ("alice", "bob", "carol")
    )
    await world.group(alice, [bob, carol], vectors.conversation_id, vectors.cell_id)
    return alice, bob, carol


async def test_m4_m6_found_add_join_remove(world: World) -> None:
    vectors = Vectors()
    alice, bob, carol = await three(world, vectors)
    c, k = vectors.conversation_id, vectors.cell_id
    commits, posting = world.service.commits, world.service.posting

    founding = vectors.commit("founding commit", 0, founding=True)
    accepted = await commits.upload(alice, c, k, founding)
    assert (accepted.seq, accepted.epoch) == (2, 1)
    assert await commits.upload(alice, c, k, founding) == accepted
    with pytest.raises(errors.CellFounded):
        await commits.upload(alice, c, k, msgspec.structs.replace(founding, entry_id="0" * 32))

    adding = vectors.commit("commit that adds bob", 1, welcomes=[bob])
    assert (await commits.upload(alice, c, k, adding)).epoch == 2
    welcome = await commits.welcome(bob, c, k)
    assert (welcome.epoch, welcome.seq) == (2, 3)
    with pytest.raises(errors.NotFound):
        await commits.welcome(carol, c, k)
    await commits.forget_welcome(bob, c, k)
    with pytest.raises(errors.NotFound):
        await commits.welcome(bob, c, k)

    joining = vectors.commit("external commit of carol", 2)
    with pytest.raises(errors.JoinBusy):
        await commits.upload(carol, c, k, joining)
    lease = await commits.lease(carol, c, k)
    assert (lease.epoch, lease.group_info) == (2, adding.group_info)
    with pytest.raises(errors.JoinBusy):
        await commits.lease(bob, c, k)
    assert (await commits.upload(carol, c, k, joining)).epoch == 3
    await posting.post(bob, c, vectors.post("message of bob", 3))

    world.wakeups.clear()
    change = wire.ChangeMembers(
        change_id="1" * 32, add=[], remove=[carol.person_id], make_admin=[], revoke_admin=[]
    )
    after = await world.service.membership.change_members(alice, c, change)
    assert after.cells[0].removal_pending
    kinds = [one.kind for one in world.wakeups if isinstance(one, EntryWakeup)]
    assert kinds == ["roster", "proposal"]
    with pytest.raises(errors.NotMember):
        await world.service.log.page(carol, c, 0, 100)
    with pytest.raises(errors.RemovalPending) as pending:
        await posting.post(bob, c, vectors.post("message of bob", 3))
    assert pending.value.details == {"epoch": 3, "last_seq": after.last_seq}
    with pytest.raises(errors.RemovalPending):
        await commits.lease(bob, c, k)

    page = await world.service.log.page(bob, c, 0, 100)
    assert [entry.seq for entry in page.entries] == list(range(1, 8))
    assert [entry.kind for entry in page.entries] == [
        "roster",
        "commit",
        "commit",
        "commit",
        "message",
        "roster",
        "proposal",
    ]
    assert page.entries[6].payload == vectors.message("roster authority removes carol")

    removing = vectors.commit("commit that removes carol", 3)
    assert (await commits.upload(alice, c, k, removing)).epoch == 4
    await posting.post(bob, c, vectors.post("message after the Remove", 4))
    with pytest.raises(errors.StaleEpoch) as stale:
        await posting.post(bob, c, vectors.post("message of bob", 3))
    assert stale.value.details == {"epoch": 4, "last_seq": 9}


async def test_roster_heads_chain_and_verify(world: World) -> None:
    vectors = Vectors()
    alice, bob, carol = await three(world, vectors)
    membership, c = world.service.membership, vectors.conversation_id
    first = await world.service.rosters.whole(bob, c)
    head = roster_head.read_head(first.head, world.authority.public_key)
    assert (head.roster_epoch, head.leaf_count, head.prev) == (1, 3, roster_head.FIRST_PREV)
    leaves = [roster_tree.leaf(one.cell_id, one.certificate_hash) for one in first.leaves]
    assert head.root == roster_tree.RosterTree(leaves).root

    await membership.change_members(
        carol,
        c,
        wire.ChangeMembers(
            change_id="2" * 32, add=[], remove=[carol.person_id], make_admin=[], revoke_admin=[]
        ),
    )
    second = await world.service.rosters.whole(alice, c)
    head = roster_head.read_head(second.head, world.authority.public_key)
    assert (head.roster_epoch, head.leaf_count) == (2, 2)
    assert head.prev == roster_head.roster_hash(first.head)
