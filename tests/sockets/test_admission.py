"""Admission of connections: tokens, limits before Hello, storms, devices that connect again."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack, suppress

import pytest
from structlog.testing import capture_logs
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from copconnect import errors, wire
from copconnect.bus import AccountWakeup, EnteredWakeup
from copconnect.ids import ClientId
from copconnect.principals import Ended
from copconnect.sockets import admission
from copconnect.sockets.feed import LeafState
from tests.harness.waiting import PATIENCE_S, until_async
from tests.sockets.live_world import Live, close_code, hello


async def let_in(live: Live, socket: ClientConnection) -> bool:
    """Say Hello as a new officer; return whether Ready comes."""
    await socket.send(hello(live.officer().client_id))
    return bool(await socket.recv())


async def test_connections_before_hello_are_few_and_members_many() -> None:
    limits = {"unauthenticated": 6, "unauthenticated_per_address": 3, "trusted_proxies": 1}
    async with Live(**limits).serving() as live, AsyncExitStack() as sockets:

        async def stranger(address: str) -> ClientConnection:
            headers = {"X-Forwarded-For": f"6.6.6.6, {address}"}
            return await sockets.enter_async_context(live.raw(additional_headers=headers))

        station = [await stranger("198.51.100.7") for _ in range(3)]
        assert await close_code(await stranger("198.51.100.7")) == wire.CLOSE_TRY_AGAIN
        others = [await stranger(f"198.51.100.{n}") for n in (8, 9, 10)]
        assert await close_code(await stranger("198.51.100.11")) == wire.CLOSE_TRY_AGAIN
        assert live.sockets.unauthenticated == 6
        # A connection that says Hello makes room, however many are in.
        for socket in (*station, *others):
            assert await let_in(live, socket)
        assert live.sockets.unauthenticated == 0
        for _ in range(5):
            assert await let_in(live, await stranger("198.51.100.7"))
        assert len(live.sockets.fanout.connections) == 11


async def test_who_was_turned_away_counts_until_gone() -> None:
    async with Live(unauthenticated=1).serving() as live:
        async with live.raw() as liar:
            liar.transport.pause_reading()  # It will not answer the close.
            await liar.send(hello("nobody"))
            await until_async(lambda: live.sockets.connections[0].close_code, "the refusal")
            assert live.sockets.unauthenticated == 1
            async with live.raw() as next_one:
                assert await close_code(next_one) == wire.CLOSE_TRY_AGAIN
            liar.transport.resume_reading()
            assert await close_code(liar) == wire.CLOSE_UNAUTHENTICATED
        await until_async(lambda: live.sockets.unauthenticated == 0, "the end")
        async with live.raw() as officer:
            assert await let_in(live, officer)


async def test_a_device_that_connects_anew_ends_its_older_connection(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = live.group(a, b)
    async with live.client(a) as old, live.client(b) as bob:
        async with live.client(a) as new:
            assert await old.close_code() == wire.CLOSE_REPLACED
            await live.post(made, b)
            for one in (new, bob):
                assert (await one.entry()).seq == 1
            # Its own announcement changes nothing. Then it connects to another process.
            now_ms = live.clock.now_ms()
            await live.bus.publish([EnteredWakeup(clients={a.client_id: now_ms})])
            await live.post(made, b)
            assert (await new.entry()).seq == 2
            await live.bus.publish([EnteredWakeup(clients={a.client_id: now_ms + 1})])
            assert await new.close_code() == wire.CLOSE_REPLACED
        assert (await bob.entry()).seq == 2
        await until_async(lambda: [one.client for one in live.sockets.fanout.connections] == [b])


async def test_a_token_that_ended_is_told_why(live: Live) -> None:
    a = live.officer()
    live.tokens.ended[a.client_id] = Ended("suspended")
    async with live.raw() as socket:
        await socket.send(hello(a.client_id))
        with suppress(ConnectionClosed):
            await socket.recv()
        assert (socket.close_code, socket.close_reason) == (wire.CLOSE_SIGNED_OUT, "suspended")


async def test_a_device_that_is_signed_out_while_it_is_let_in_does_not_stay(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = live.officer()
    feed = live.feed
    places = feed.places

    async def slow(clients: Collection[ClientId]) -> Mapping[ClientId, Sequence[LeafState]]:
        """Its token has been judged, and it is not among the connections yet."""
        live.tokens.ended[a.client_id] = Ended("device_removed")
        signed_out = AccountWakeup(event="signed_out", person_ids=[], client_ids=[a.client_id])
        await live.bus.publish([signed_out])
        return await places(clients)

    monkeypatch.setattr(feed, "places", slow)
    async with live.raw() as socket:
        await socket.send(hello(a.client_id))
        with suppress(ConnectionClosed):
            while True:
                await socket.recv()
        assert socket.close_code == wire.CLOSE_SIGNED_OUT
        assert socket.close_reason == "device_removed"


async def test_what_changes_about_accounts_while_one_comes_in_is_told(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The versions in Ready were read before it, and who comes in is not among those told yet."""
    a, b = live.officer(), live.officer()
    places = live.feed.places

    async def slow(client_ids: Collection[ClientId]) -> Mapping[ClientId, Sequence[LeafState]]:
        monkeypatch.setattr(live.feed, "places", places)
        await live.bus.publish(
            [
                AccountWakeup(event="trust", person_ids=[], client_ids=[]),
                AccountWakeup(event="clients", person_ids=[b.person_id], client_ids=[]),
                AccountWakeup(event="clients", person_ids=[a.person_id], client_ids=[]),
            ]
        )
        return await places(client_ids)

    async with live.client(a) as alice:
        monkeypatch.setattr(live.feed, "places", slow)
        async with live.client(b) as bob:
            for client in (alice, bob):
                for event in ("trust", "clients"):
                    assert await client.next() == wire.AccountFrame(event=event)
                await client.nothing()
        async with live.client(b) as bob:  # It was said once.
            await bob.nothing()


async def test_a_storm_of_hellos_costs_a_few_statements(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    officers = [live.officer() for _ in range(30)]
    made = live.group(*officers)
    asked: list[int] = []
    places = live.feed.places

    async def counted(client_ids: Collection[ClientId]) -> Mapping[ClientId, Sequence[LeafState]]:
        asked.append(len(client_ids))
        if len(asked) == 1:
            await everybody_waits.wait()
        return await places(client_ids)

    everybody_waits = asyncio.Event()
    monkeypatch.setattr(live.feed, "places", counted)
    clients = [live.client(one) for one in officers]
    entering = [asyncio.create_task(client.__aenter__()) for client in clients]
    try:
        await until_async(lambda: live.sockets.waiting + sum(asked) >= len(officers))
        everybody_waits.set()
        await asyncio.gather(*entering)
        assert sum(asked) == len(officers)
        assert len(asked) <= 2
        await live.post(made, officers[0])
        for client in clients:
            assert (await client.entry()).seq == 1
    finally:
        for client in clients:
            await client.__aexit__(None, None, None)


async def test_a_hello_that_could_not_be_judged_comes_again(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As while the database is away."""
    a, b = live.officer(), live.officer()
    made = live.group(a, b)
    places = live.feed.places

    async def away(_: Collection[ClientId]) -> Mapping[ClientId, Sequence[LeafState]]:
        raise errors.Overloaded

    monkeypatch.setattr(live.feed, "places", away)
    with capture_logs() as logged:
        async with live.raw() as socket:
            await socket.send(hello(a.client_id))
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(socket.recv(), PATIENCE_S)
            assert socket.close_code == wire.CLOSE_TRY_AGAIN
    assert [one["event"] for one in logged] == ["admission_failed"]
    await until_async(lambda: not live.sockets.fanout.connections)
    monkeypatch.setattr(live.feed, "places", places)
    async with live.client(a) as alice:
        await live.post(made, b)
        assert (await alice.entry()).seq == 1


@pytest.mark.parametrize(
    ("admitted", "took_s", "expected_s"),
    [(1, 0.001, 0.02), (1, 0.02, 0.08), (30, 1.0, 0.25), (admission.TOGETHER, 1.0, 0.02)],
)
def test_a_slow_server_lets_more_come_together(
    admitted: int, took_s: float, expected_s: float
) -> None:
    """A round costs the same statements for one connection and for hundreds."""
    assert admission.pause_s(admitted, took_s) == expected_s
