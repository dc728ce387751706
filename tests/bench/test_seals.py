"""The benchmark of seals opens what it times, with both KEMs."""

from copconnect.bench import seals
from copconnect.delivery.sealed.format import X25519, XWING


def test_every_figure_comes_out() -> None:
    figures = seals.measure(3, 1)
    assert set(figures) == {
        "seals_per_s_x25519",
        "messages_per_s_x25519",
        "seals_per_s_xwing",
        "messages_per_s_xwing",
        "signatures_per_s",
    }
    assert all(figure > 0 for figure in figures.values())


def test_alone_opens_by_hpke_and_nothing_else() -> None:
    for kem in (X25519, XWING):
        seals.alone(kem, 5)()
