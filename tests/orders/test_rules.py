"""Properties of counting: the order of arrival, and sums up the tree."""

import random

from hypothesis import given
from hypothesis import strategies as some

from copconnect import wire
from copconnect.ids import UnitId
from copconnect.orders import rules
from copconnect.orders.rules import Counted, OrderCount

_counted = some.builds(
    Counted,
    told=some.booleans(),
    choice=some.sampled_from([0, 1, 2, wire.UNREADABLE]),
    text_seq=some.integers(1, 2),
    created_ms=some.integers(0, 2),
    record=some.binary(min_size=1, max_size=1),
)
# The bytes of a record say everything else about it.
_records = some.lists(_counted, min_size=1, max_size=6, unique_by=lambda one: one.record)


@given(_records, some.randoms(use_true_random=False))
def test_the_order_of_arrival_never_decides(records: list[Counted], chance: random.Random) -> None:
    def best(came: list[Counted]) -> Counted | None:
        found: Counted | None = None
        for one in came:
            if one.beats(found):
                found = one
        return found

    shuffled = records * 2  # A record may arrive again.
    chance.shuffle(shuffled)
    assert best(records) == best(shuffled)


@given(
    some.lists(
        some.builds(
            OrderCount,
            some.sampled_from(["a", "b", "c", "gone"]).map(UnitId),
            some.integers(0, 3),
            some.booleans(),
            some.integers(0, 2),
            some.booleans(),
            some.integers(1, 9),
            some.tuples(*[some.integers(0, 9)] * 3),
        ),
        max_size=12,
    )
)
def test_the_parts_of_every_unit_add_up_to_it(standings: list[OrderCount]) -> None:
    paths = {UnitId("a"): "a", UnitId("b"): "a/b", UnitId("c"): "a/b/c"}
    tree = rules.tree(standings, 2, 3, paths, 0)
    for unit in (None, *paths):
        total, parts = tree.of(unit, None)
        added = [sum(one) for one in zip(*parts.values(), strict=True)] or [0] * 12
        assert total == added
    assert tree.of(None, None)[0][0] == sum(one.people for one in standings)
    third = sum(one.items[2] for one in standings)
    assert tree.of(None, None)[0][-1] == third
    only, _ = tree.of(None, {UnitId("c")})
    assert only[0] == sum(one.people for one in standings if one.unit_id == "c")
