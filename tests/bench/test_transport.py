"""The measurement of the sockets runs, and what it reports is there."""

from copconnect.bench import transport


def test_every_figure_is_reported() -> None:
    figures = transport.measure(clients=40, size=300, rounds=2)
    assert figures["clients"] == 40
    assert all(value > 0 for name, value in figures.items() if "rss" not in name), figures
