"""The Delivery Service's pure rules against plain models: places in cells, seals in a blob, who a
record must be sealed to (D2), limits of people."""

import contextlib
from collections import Counter
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as some

from copconnect import errors, wire
from copconnect.bus import LocalBus
from copconnect.delivery.rules.conversation_keys import check_seals
from copconnect.delivery.rules.history import history_from
from copconnect.delivery.rules.limits import CELL_REKEY_HISTORY_MS, DAY_MS, REKEY_HISTORY_MS
from copconnect.delivery.rules.roster_plan import LeafEdit, PlacedLeaf, RosterLeaf, plan_change
from copconnect.delivery.rules.seals import check_device_seals, find_seal, recipients
from copconnect.ids import CellId, ClientId, PersonId
from copconnect.rates import TELLING_S, Rates, SharedRates
from copconnect.records.conversation.roster import LeafRights
from copconnect.records.primitives.kem import X25519, XWING, seal_bytes

NOW = 1_764_000_000_000
KEY_IDS = some.sets(some.binary(min_size=16, max_size=16), max_size=40)


def leaf(at: int, from_ms: int = 0) -> RosterLeaf:
    client, person = ClientId(f"{at:032x}"), PersonId(f"{at:032x}")
    return RosterLeaf(at.to_bytes(32, "big"), client, person, from_ms, LeafRights.SEND)


@given(
    sizes=some.lists(some.integers(1, 4), max_size=8),
    added=some.integers(0, 30),
    data=some.data(),
)
def test_c3_every_new_device_has_a_place_and_no_cell_is_over_its_size(
    sizes: list[int], added: int, data: some.DataObject
) -> None:
    numbers = count(1)
    before = {CellId(f"{at:032x}"): size for at, size in enumerate(sizes)}
    there = [
        PlacedLeaf(leaf(1000 + 10 * at + n), cell)
        for at, (cell, size) in enumerate(before.items())
        for n in range(size)
    ]
    drop = data.draw(some.lists(some.sampled_from(there), unique_by=id)) if there else []
    edit = LeafEdit(add=[leaf(at) for at in range(added)], drop=drop)
    plan = plan_change(edit, before, 4, NOW, lambda: f"f{next(numbers):031x}")
    after = Counter(before)
    after.subtract(one.cell_id for one in drop)
    after.update(one.cell_id for one in plan.added)
    assert [one.leaf for one in plan.added] == list(edit.add)
    assert all(0 <= size <= 4 for size in after.values())
    assert plan.touched == {one.cell_id for one in (*plan.added, *drop)}
    # A new cell only where no former one that continues has room.
    new = [one for one in after if one not in before]
    if new:
        going_on = [one for one in before if before[one] - Counter(x.cell_id for x in drop)[one]]
        assert all(after[one] == 4 for one in going_on)
        assert sum(after[one] < 4 for one in new) <= 1


@given(from_ms=some.integers(NOW - 60 * DAY_MS, NOW), new_cell=some.booleans())
def test_rekey_epochs_rise_for_removals_and_for_recent_newcomers(
    from_ms: int, *, new_cell: bool
) -> None:
    cell = CellId("a" * 32)
    sizes = {} if new_cell else {cell: 1}
    plan = plan_change(LeafEdit(add=[leaf(1, from_ms)]), sizes, 4, NOW, lambda: cell)
    assert plan.rekeys == (from_ms > NOW - REKEY_HISTORY_MS)
    assert bool(plan.rekeyed_cells) == (new_cell or from_ms > NOW - CELL_REKEY_HISTORY_MS)
    gone = plan_change(LeafEdit(drop=[PlacedLeaf(leaf(2), cell)]), {cell: 2}, 4, NOW, lambda: "")
    assert gone.rekeys
    assert gone.rekeyed_cells == {cell}
    edit = LeafEdit(alter=[PlacedLeaf(leaf(2), cell)])
    changed = plan_change(edit, {cell: 2}, 4, NOW, lambda: "")
    assert not changed.rekeys
    assert not changed.rekeyed_cells
    assert changed.touched == {cell}


def blob(kem: int, key_ids: set[bytes]) -> bytes:
    fill = seal_bytes(kem) - 16
    return b"".join(key_id + key_id[:1] * fill for key_id in sorted(key_ids))


@given(kem=some.sampled_from([X25519, XWING]), sealed=KEY_IDS, asked=KEY_IDS)
def test_a_seal_is_found_by_its_key_id(kem: int, sealed: set[bytes], asked: set[bytes]) -> None:
    seals = blob(kem, sealed)
    assert recipients(seals, kem, 40) == sorted(sealed)
    for key_id in sealed | asked:
        found = find_seal(seals, kem, [key_id])
        assert (found is not None) == (key_id in sealed)
        if found is not None:
            assert (found[:16], len(found)) == (key_id, seal_bytes(kem))
    wanted = sorted(asked | sealed)
    first = next((one for one in wanted if one in sealed), None)
    found = find_seal(seals, kem, wanted)
    assert (found[:16] if found else None) == first


@given(sealed=some.sets(some.binary(min_size=16, max_size=16), min_size=2, max_size=9))
def test_d2_seals_that_do_not_ascend_or_are_cut_are_refused(sealed: set[bytes]) -> None:
    seals, size = blob(X25519, sealed), seal_bytes(X25519)
    pieces = [seals[at : at + size] for at in range(0, len(seals), size)]
    for bad in (b"".join(reversed(pieces)), seals + pieces[-1], seals[:-1], seals + b"\0"):
        with pytest.raises(errors.SealsInvalid):
            recipients(bad, X25519, 40)
    with pytest.raises(errors.SealsInvalid):
        recipients(seals, X25519, len(pieces) - 1)


@given(data=some.data())
def test_d2_against_a_model_of_who_must_have_a_seal(data: some.DataObject) -> None:
    """Devices 0 to 5 in one cell; 9 is a stranger."""
    sealed = data.draw(some.lists(some.sampled_from([0, 1, 2, 3, 4, 5, 9]), unique=True))
    left_out = data.draw(some.sets(some.sampled_from([0, 1, 2, 3, 4, 5, 9])))
    missing = set(range(6)) - set(sealed) - left_out
    right = not missing and 9 not in sealed and 9 not in left_out
    cell = [b"%d" % one for one in range(6)]
    owners = {b"d%015d" % one: b"%d" % one for one in range(10)}
    named = [b"%d" % one for one in left_out]
    with contextlib.nullcontext() if right else pytest.raises(errors.SealsInvalid):
        check_device_seals(sorted(b"d%015d" % one for one in sealed), named, cell, owners)


@given(sealed=some.sets(some.sampled_from([b"a1", b"a2", b"b1", b"b2", b"x1"])))
def test_d2_a_key_of_several_cells_is_sealed_to_cells_alone(sealed: set[bytes]) -> None:
    """Cells a and b have two usable keys each; x is no cell. The author is in a."""
    usable = {key_id: CellId(key_id[:1].decode()) for key_id in (b"a1", b"a2", b"b1", b"b2")}
    in_a, in_b = len(sealed & {b"a1", b"a2"}), len(sealed & {b"b1", b"b2"})
    right = in_a == 1 and in_b <= 1 and b"x1" not in sealed
    with contextlib.nullcontext() if right else pytest.raises(errors.SealsInvalid):
        check_seals(sorted(sealed), usable, CellId("a"))


@pytest.mark.parametrize(
    ("kind", "days", "returned", "back"),
    [
        ("direct", None, False, None),
        ("direct", None, True, None),
        ("group", 0, False, 0),
        ("group", 30, False, 30),
        ("group", 30, True, 0),
        ("unit", 30, False, 30),
        ("announcement", 30, False, 30),
        ("announcement", 30, True, 0),
    ],
)
def test_history_from_is_the_policys(
    kind: wire.ConversationKind, days: int | None, back: int | None, *, returned: bool
) -> None:
    found = history_from(kind, days, NOW, returned=returned)
    assert found == (0 if back is None else NOW - back * DAY_MS)


@given(some.lists(some.tuples(some.integers(0, 30_000), some.integers(1, 5)), max_size=60))
def test_a_persons_rate_is_never_more_than_the_burst_and_the_rate(
    asked: list[tuple[int, int]],
) -> None:
    now = [NOW]
    rates = Rates("test", 30, 10, lambda: now[0])
    taken: list[tuple[int, int]] = []
    for wait, amount in asked:
        now[0] += wait
        try:
            rates.spend(PersonId("p"), amount)
        except errors.RateLimited as refused:
            now[0] += refused.retry_after_ms or 0
            rates.spend(PersonId("p"), amount)  # It kept its word.
        taken.append((now[0], amount))
    for at, (since, _) in enumerate(taken):
        total = 0
        for then, amount in taken[at:]:
            total += amount
            assert total <= 10 + (then - since) * 30 / 60_000 + 1e-6


def test_buckets_cost_little_while_the_whole_force_is_busy_and_full_ones_are_forgotten() -> None:
    now = [NOW]
    rates = Rates("test", 30, 10, lambda: now[0])
    people = [PersonId(f"{at:032x}") for at in range(63_000)]
    for _ in range(2):
        for person in people:
            rates.spend(person)
    assert rates.kept == len(people)
    assert rates.examined < len(people)
    now[0] += 60_000
    for person in people[:100]:
        rates.spend(person, 3)
    now[0] += 4_000  # Those hundred need six seconds; all others have been full for long.
    for at in range(40_000):
        rates.spend(PersonId(f"new {at}"))
    assert rates.kept == 40_100


async def test_a_person_has_a_limit_once_however_many_nodes_there_are() -> None:
    """600 a minute over four nodes for ten minutes: a burst at each, then what one node gives."""
    now, bus = [NOW], LocalBus()
    nodes = [SharedRates(bus, lambda: now[0]) for _ in range(4)]
    limits = [node.limit("requests", 600, 300) for node in nodes]
    dishonest, honest = PersonId("d"), PersonId("h")
    passed = 0
    for second in range(600):
        now[0] += 1000
        for limit in limits:
            for _ in range(20):  # Below what a node alone refuses, after the burst.
                with contextlib.suppress(errors.RateLimited):
                    limit.spend(dishonest)
                    passed += 1
        limits[0].spend(honest)  # Nobody else loses by it.
        if second % TELLING_S == 0:
            for node in nodes:
                await node.tell()
    assert passed <= 600 * 10 + 4 * 300 + 4 * 300  # A bucket owes no more than a burst.
    assert limits[1].kept == 1  # A node announces no small spending to the others.


@pytest.mark.parametrize("told", [1e300, float("inf"), float("nan"), -1e300, -1.0])
def test_another_nodes_word_takes_a_burst_at_most_and_gives_nothing(told: float) -> None:
    now = [NOW]
    limit, person = Rates("requests", 60, 10, lambda: now[0]), PersonId("p")
    for _ in range(10):
        limit.spend(person)
    limit.spent_elsewhere(person, told)
    with pytest.raises(errors.RateLimited) as refused:
        limit.spend(person)
    wait_ms = refused.value.retry_after_ms or 0
    assert wait_ms <= (10 + 1) * 1000 + 1
    now[0] += wait_ms
    limit.spend(person)


def test_a_clock_that_went_back_locks_nobody_out() -> None:
    """A node's clock ran a day ahead; buckets of that time fill again from the first request on."""
    now = [NOW + DAY_MS]
    limit, person = Rates("requests", 60, 10, lambda: now[0]), PersonId("p")
    for _ in range(10):
        limit.spend(person)
    now[0] = NOW
    with pytest.raises(errors.RateLimited) as refused:
        limit.spend(person)
    now[0] += refused.value.retry_after_ms or 0
    limit.spend(person)
