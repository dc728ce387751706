"""``bench membership``: many people are transferred at once, from each of two large conversations
of units to the other.

The data bank is imported with their new units, as a department does it; everything else follows by
itself: the workers change both rosters and sign Removes, members commit them, the moved enter their
new cells by external commits. In each cell one member is a whole client (the real core under Node),
which commits what is due there; the other members are simulated and connected. ``joining`` of the
moved come into their new cells, as whole clients: ``watched`` of them are whole before too, and
until they have read a message in the new conversation; the others start when the rosters have
changed, a few at a time, and are let go of when they are in. The rest of the moved stay away, as
with phones that are off: they are removed like all, and nobody waits for them. All share this
machine's processors, so few of a thousand can join while it runs; a phone has its own.

Times begin when the import begins. What cut off means is said in cut_off.py. That the removed read
nothing is shown by opening: no key that anybody in a removed person's cell held before opens any
seal of a message sent after, and a watched client that was removed shows nothing of it.
"""

import contextlib
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import uvloop

from copconnect.app import command_line
from copconnect.bench import cut_off, founding
from copconnect.bench.audiences import Audiences
from copconnect.bench.cells import CellKey
from copconnect.bench.crowd import Crowd
from copconnect.bench.cut_off import CutOff
from copconnect.bench.deployment import Deployment, deployed
from copconnect.bench.figures import Figures, percentile, say, spread
from copconnect.bench.force import Force
from copconnect.bench.moving import Present, data_bank, sides, transferred
from copconnect.database import Database, open_database
from copconnect.ids import ClientId
from copconnect.roster import databank
from copconnect.roster.databank import DataBank
from copconnect.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")
CONNECT_LIMIT_S = 300
SETTLE_LIMIT_S = 120
MOVE_LIMIT_S = 1_200
TALK_MS = 3_000
ROUND_S = 0.1
FORGET_S = 5.0
# Frames of what the talking costs, which nobody's transfer causes.
TALK = {"entry sealed", "late_seal", "receipts"}


def run(
    force: Force,
    audiences: Audiences,
    folder: Path,
    *,
    transfers: int,
    joining: int,
    watched: int,
    processes: int,
    cell_size: int,
) -> Figures:
    """Measure; return the figures."""
    files = data_bank(force)
    bank = databank.read(files)
    pair = sides(audiences.conversations, bank, transfers, watched=watched, joining=joining)
    after = transferred(files, pair)
    with contextlib.ExitStack() as stack:
        keys = force.folder / "keys"
        deployment = stack.enter_context(
            deployed(keys, audiences.database, folder, processes, cell_size=cell_size)
        )
        present = [
            Present(side, pair[1 - i].conversation_id, deployment, folder / str(i), stack, i)
            for i, side in enumerate(pair)
        ]
        world = _World(deployment, present, folder / "data")
        world.gather()
        figures = world.transfer(after)
        for one in present:
            one.members.ask("close")
    cells = sum(len(side.conversation.cells) for side in pair)
    people = sum(len(c.client_ids) for side in pair for c in side.conversation.cells)
    return {
        "members": people,
        "cells": cells,
        "transfers": 2 * len(pair[0].moved),
        "joining": 2 * pair[0].joining,
        "watched": 2 * pair[0].watched,
    } | figures


class _World:
    """Both sides at running servers. ``data``: the servers' folder."""

    def __init__(self, deployment: Deployment, present: Sequence[Present], data: Path) -> None:
        self._deployment = deployment
        self._present = present
        self._data = data
        self._url = deployment.postgresql.url()
        self._held: list[CellKey] = []  # What those who leave hold of their cells, whole or not.

    def gather(self) -> None:
        """Found the cells, connect everybody, let whole clients enter; a message reaches all."""
        for one in self._present:
            conversation = one.side.conversation
            uvloop.run(founding.found(conversation, self._deployment.addresses))
            for crowd in one.crowds:
                crowd.ask("live", on=True)
                answers = crowd.ask("connect", limit_s=CONNECT_LIMIT_S)
                if sum(answer["ready"] for answer in answers) != crowd.devices:
                    raise RuntimeError("not everybody is connected")
        say("The cells are founded and everybody is connected.")
        programs = [program for one in self._present for program in (one.members, one.movers)]
        for program in programs:
            program.tell("start")
        for program in programs:
            program.hear()
        say("The whole clients are in their cells.")
        for one in self._present:
            left = {place.cell_id for place in one.side.places().values()}
            held = {(cell.cell_id, cell.seed) for cell in one.side.conversation.cells}
            held |= set(self._settled(one).items())
            for seed in one.movers.ask("seeds")["seeds"]:
                held.add((seed["cellId"], bytes.fromhex(seed["seed"])))
            seeds = {seed for cell_id, seed in held if cell_id in left}
            kem = one.side.conversation.kem
            self._held += [CellKey.from_seed(kem, seed) for seed in seeds]
            entry_id = self._message(one, "Before the transfers", one.crowds)
            # The same keys that must open nothing later do open what is sent now.
            if self._opened(one, entry_id) < len(left):
                raise RuntimeError("the keys of those who leave do not open a message to them")

    def transfer(self, after: DataBank) -> Figures:
        """Import the data bank; return what came of it."""
        places = {c: place for one in self._present for c, place in one.side.places().items()}
        began_at = [self._ask(cut_off.last_seq, one.side.conversation_id) for one in self._present]
        downloads = [one.members.ask("downloads")["bytes"] for one in self._present]
        statements, cpu = self._deployment.statements(), self._deployment.cpu_s()
        for one in self._present:
            one.members.tell("talk", everyMs=TALK_MS)
        watch = CutOff(self._url, places)
        watch.start()
        began_ms = time.time() * 1000
        for one in self._present:
            one.movers.tell("move")
        uvloop.run(self._import(after))
        imported_ms = time.time() * 1000
        try:
            self._follow(watch, began_ms)
        finally:
            watch.end()
        entered, joined = list[float](), list[float]()
        for one in self._present:
            moved = one.movers.hear()
            entered += [at - began_ms for at in moved["entered"].values()]
            joined += [at - began_ms for at in moved["read"].values()]
        figures: Figures = {
            "import_s": (imported_ms - began_ms) / 1000,
            **spread("gone_s", [at - began_ms for at in watch.gone_ms.values()]),
            **spread("cut_off_s", [at - began_ms for at in watch.cut_off_ms.values()]),
            "entered": len(entered),
            **spread("entered_s", entered),
            "joined": len(joined),
            **spread("joined_s", joined),
            "statements": self._deployment.statements() - statements,
            "server_cpu_s": self._deployment.cpu_s() - cpu,
        }
        return figures | self._traffic(places, began_at, downloads) | self._judge()

    async def _import(self, bank: DataBank) -> None:
        async with command_line(Settings(data_dir=self._data, database_url=self._url)) as container:
            await container.editor.import_bank(bank)

    def _follow(self, watch: CutOff, began_ms: float) -> None:
        """Let whole clients do what they are asked, until everybody is out and who joins is in."""
        deadline = time.monotonic() + MOVE_LIMIT_S
        forget_at = time.monotonic() + FORGET_S
        passing = said = False
        while not (watch.all_cut_off and all(one.movers.answered for one in self._present)):
            if time.monotonic() > deadline:
                raise RuntimeError(
                    f"{len(watch.gone_ms)} are gone, {len(watch.cut_off_ms)} are cut off, "
                    "and the others do not follow"
                )
            duties = set[str]().union(*(one.duties() for one in self._present))
            for one in self._present:
                one.hand_on(duties)
            if watch.all_gone and not passing:
                passing = True
                say("The rosters have changed.")
                for one in self._present:
                    one.movers.tell("pass")
            if watch.all_cut_off and not said:
                said = True
                last_s = (max(watch.cut_off_ms.values()) - began_ms) / 1000
                say(f"Everybody is cut off, {last_s:.1f} s after the import began.")
            if time.monotonic() > forget_at:
                forget_at = time.monotonic() + FORGET_S
                for crowd in (crowd for one in self._present for crowd in one.crowds):
                    crowd.ask("forget")  # What came while keys change whole clients judge.
            time.sleep(ROUND_S)
        say("Who joins is in, or the time for it is over.")

    def _traffic(
        self,
        places: dict[ClientId, cut_off.Place],
        began_at: list[int],
        downloads: list[list[dict[str, int]]],
    ) -> Figures:
        """Return what commits there were, and what members who stay downloaded for them: whole
        clients, one in each cell, but the two who talk."""
        joining = removing = 0
        bytes_of: list[float] = []
        kinds: dict[str, list[int]] = {}
        for one, seq, before in zip(self._present, began_at, downloads, strict=True):
            for sender in self._ask(cut_off.commits_since, one.side.conversation_id, seq):
                joining += sender in places
                removing += sender not in places
            after = one.members.ask("downloads")["bytes"]
            for old, new in zip(before[1:], after[1:], strict=True):
                grown = {what: n - old.get(what, 0) for what, n in new.items() if what not in TALK}
                bytes_of.append(sum(grown.values()))
                for what, count in grown.items():
                    kinds.setdefault(what, []).append(count)
        for what, counts in sorted(kinds.items(), key=lambda item: -sum(item[1])):
            if any(counts):
                say(f"{sum(counts) / len(bytes_of):>10,.0f} bytes: {what}")
        return {
            "commits": joining + removing,
            "commits_joining": joining,
            "commits_removing": removing,
            "bytes_per_member_p50": percentile(bytes_of, 0.5),
            "bytes_per_member_p99": percentile(bytes_of, 0.99),
        }

    def _judge(self) -> Figures:
        """A message of each side after the transfers: everybody who belongs there reads it, nobody
        who has gone."""
        lost = opened = 0
        for one, other in zip(self._present, reversed(self._present), strict=True):
            said = set(one.members.ask("hush")["said"])
            self._settled(one)
            text = f"After the transfers, to {one.side.conversation_id}"
            conversation = one.side.conversation_id
            entry_id = self._message(one, text, [one.staying])
            one.members.ask("show", conversationId=conversation, text=text)
            other.movers.ask("show", conversationId=conversation, text=text)
            for texts in one.members.ask("texts", conversationId=conversation)["texts"]:
                lost += len(said - set(texts))
            for texts in one.movers.ask("texts", conversationId=conversation)["texts"]:
                opened += text in texts
            (leaving,) = one.leaving.ask("verdict", entry_ids=[entry_id], times=False)
            opened += leaving["opened"] + self._opened(one, entry_id)
            opened += sum(usage["after_gone"] for usage in one.leaving.ask("usage"))
        return {"lost": lost, "opened_by_removed": opened}

    # --- One side ---------------------------------------------------------------------------

    def _message(self, one: Present, text: str, readers: Collection[Crowd]) -> str:
        """Send a message; return its entry id. Raises RuntimeError unless every device of
        ``readers`` opens it once."""
        head = self._ask(cut_off.newest_head, one.side.conversation_id)
        for crowd in one.crowds:
            crowd.ask("forget")
            crowd.ask("know", head=head.hex())
        entry_id: str = one.members.ask("send", text=text)["entryId"]
        for crowd in readers:
            crowd.ask("wait_for", entry_ids=[entry_id], limit_s=SETTLE_LIMIT_S)
        for crowd in one.crowds:
            crowd.ask("open")
        for crowd in readers:
            verdict = crowd.verdict([entry_id])
            if verdict["lost"] or verdict["duplicates"] or verdict["refused"]:
                raise RuntimeError(f"not everybody opened a message once: {verdict}")
        return entry_id

    def _settled(self, one: Present) -> dict[str, bytes]:
        """Wait until the whole client of every cell is at its cell's epoch; let the simulated
        members hold the cells' keys; return the seeds by cell."""
        deadline = time.monotonic() + SETTLE_LIMIT_S
        while True:
            seeds = [seed for seed in one.members.ask("seeds")["seeds"] if seed is not None]
            keys = self._ask(cut_off.current_keys, one.side.conversation_id)
            held = {seed["cellId"]: bytes.fromhex(seed["seed"]) for seed in seeds}
            there = {(seed["cellId"], seed["epoch"]) for seed in seeds}
            now = {(cell_id, keys[cell_id].epoch) for cell_id in held if cell_id in keys}
            if now == there and len(seeds) == len(one.side.whole):
                break
            if time.monotonic() > deadline:
                raise RuntimeError(f"members and server do not agree: {there} {keys}")
            time.sleep(ROUND_S)
        for crowd in one.crowds:
            crowd.publish({cell_id: (keys[cell_id].key_id, seed) for cell_id, seed in held.items()})
        return held

    def _opened(self, one: Present, entry_id: str) -> int:
        """Return how often the keys from before the transfers open a message."""
        conversation_id = one.side.conversation_id
        return self._ask(cut_off.opened_with, conversation_id, entry_id, self._held)

    def _ask(
        self,
        question: Callable[Concatenate[Database, P], Awaitable[T]],
        *arguments: P.args,
        **more: P.kwargs,
    ) -> T:
        """Ask the servers' database."""

        async def ask() -> T:
            database = open_database(self._url)
            try:
                return await question(database, *arguments, **more)
            finally:
                await database.close()

        return uvloop.run(ask())
