"""The doctor judges the links to the database and the bus."""

import pytest

from copconnect.doctor.links import bus_link, database_link, is_local


@pytest.mark.parametrize("host", ["", "localhost", "127.0.0.1", "::1", "/run/postgresql"])
def test_a_link_on_this_machine_needs_nothing(host: str) -> None:
    assert is_local(host)
    found = database_link(host, password=False, verified=False, encrypted=False, superuser=False)
    assert [one.verdict for one in found] == ["ok"]


@pytest.mark.parametrize(
    ("password", "verified", "encrypted", "superuser", "said"),
    [
        (True, True, True, False, []),
        (True, False, False, False, ["is not encrypted"]),
        (True, False, True, False, ["nobody's certificate checked"]),
        (False, True, True, False, ["without a password"]),
        (True, True, True, True, ["superuser"]),
        (False, False, False, True, ["superuser", "is not encrypted", "without a password"]),
    ],
)
def test_a_database_elsewhere(
    password: bool, verified: bool, encrypted: bool, superuser: bool, said: list[str]
) -> None:
    found = database_link(
        "db.example",
        password=password,
        verified=verified,
        encrypted=encrypted,
        superuser=superuser,
    )
    bad = [one for one in found if one.verdict == "warning"]
    assert len(bad) == len(said)
    for one, words in zip(bad, said, strict=True):
        assert words in one.words
        assert one.remedy
    assert bool(bad) == (found[0].verdict != "ok")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nats://127.0.0.1:4222", []),
        ("tls://node:secret@nats.example:4222", []),
        ("nats://node:secret@nats.example:4222", ["not encrypted"]),
        ("tls://nats.example:4222", ["anybody publish"]),
        ("nats://localhost:4222,nats://b.example:4222", ["not encrypted", "anybody publish"]),
    ],
)
def test_a_bus(url: str, said: list[str]) -> None:
    found = bus_link(url)
    bad = [one for one in found if one.verdict == "warning"]
    assert len(bad) == len(said)
    for one, words in zip(bad, said, strict=True):
        assert words in one.words
        assert "secret" not in one.words + one.remedy
