"""``bench membership`` and ``bench reorganise``: many people leave one large conversation of units
and come to another.

``membership`` imports the data bank with the new units of people of both conversations, as a
department does; ``reorganise`` moves units, with their stations, under another parent. The
workers then change both rosters and ask connected devices for the keys of their cells and of the
conversations; newcomers fetch the conversation and ask for shares of what
they cannot open.
The servers run on one half of this machine's processors, the simulated devices on the other: phones
that stay open messages and keys at the end, or before they answer somebody, and the expensive half
of each seal to a device was made before (force/encapsulated.py, crowd/phones.py). ``joining`` of
the moved are online; the rest stay away, as phones that are off do, and are removed all the same.
Somebody writes in each conversation every 3 s.

Times begin when the change begins, those named after_import when its transaction has committed.
``cut_off_s``: until the server refuses the keys that a removed device may hold; ``unlisted_s``:
until the signed roster does not list it. ``next_message_s``: the longest time that a message of the
two writers took, from the commit or from its beginning after that, until it was accepted.
``joined_s``: until a newcomer has read the newest message of its new conversation. ``settled_s``:
until every device that belongs had received what it needs to read everything.
``bytes_per_member``: what a device that stays downloads for the change, beside messages and
receipts. ``server_cpu_s``: of the workers, PostgreSQL and NATS, from the change to the end, without
the change itself (``import_cpu_s``) and the devices. ``requests_per_newcomer``: HTTP requests of
newcomers that are online, as simulated; ``share_posts_per_newcomer``: shares that anybody posted.
``waiting``: messages that wait for a key at the end, over all devices. ``whole_heads``: heads of
the moved units' own conversation, whose people do not change.
"""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import uvloop

from bench.crowd.crowd import Crowd
from bench.crowd.duties import CAUSES
from bench.crowd.plan import populations
from bench.crowd.sending import Sender
from bench.figures import Figures, percentile, say, spread
from bench.force.conversations import Prepared
from bench.force.encapsulated import encapsulations
from bench.machine.children import Answer
from bench.machine.deployment import Deployment, deployed
from bench.machine.workers import on_cores
from bench.measures.covered import missing
from bench.measures.least import Work, floor
from bench.measures.removed import Removals, openable, roster_epoch, watch_removals
from bench.measures.serving import connect
from bench.measures.talking import Talker
from bench.measures.transfers import Move, Side
from copconnect.app import command_line
from copconnect.ids import ConversationId
from copconnect.records.conversation.roster import RosterHead
from copconnect.settings import Settings

TALK_S = 3.0
LIMIT_S = 600
SETTLE_S = 120
ROUND_S = 0.5
COVERED_S = 1.0


def run(prepared: Prepared, folder: Path, move: Move, *, processes: int, cell_size: int) -> Figures:
    """Measure; return the figures."""
    force, pair = prepared.force, move.sides
    senders = {side.sender.device for side in pair}
    moved = {one.device for side in pair for one in side.moved}
    online = {one.device for side in pair for one in side.moved[: side.online]}
    with contextlib.ExitStack() as stack:
        with on_cores(servers=True):
            deployment = stack.enter_context(
                deployed(
                    force.folder / "keys", prepared.database, folder, processes, cell_size=cell_size
                )
            )
        addresses = deployment.addresses
        made = str(encapsulations(force))
        with on_cores(servers=False):
            staying = Crowd(
                populations(prepared, processes, senders | moved, encapsulations=made),
                addresses,
                folder,
                stack,
            )
            moving = Crowd(
                populations(prepared, processes, senders, online, encapsulations=made),
                addresses,
                folder,
                stack,
                50,
            )
        by_id = {one.device: one for one in force.devices}
        writers = [
            Sender(side.sender, side.conversation.conversation_id, addresses[0], by_id)
            for side in pair
        ]
        for one in writers:
            stack.callback(one.client.close)
        world = _World(deployment, staying, moving, move, writers)
        world.gather()
        figures = world.change(folder / "data")
    return {
        "members": sum(side.conversation.devices for side in pair),
        "cells": sum(len(side.conversation.cells) for side in pair),
        "transfers": len(moved),
        "joining": len(online),
    } | figures


class _World:
    """Both conversations at running servers."""

    def __init__(
        self,
        deployment: Deployment,
        staying: Crowd,
        moving: Crowd,
        move: Move,
        writers: Sequence[Sender],
    ) -> None:
        self._deployment = deployment
        self._url = deployment.postgresql.url()
        self._staying = staying
        self._moving = moving
        self._move = move
        self._pair = move.sides
        self._talk = [Talker(one, TALK_S) for one in writers]

    def gather(self) -> None:
        """Connect everybody; the first messages reach all."""
        for crowd in (self._staying, self._moving):
            connect(self._deployment, crowd)
            crowd.ask("live", on=True)
        for talk in self._talk:
            talk.sent.append(talk.sender.send("Before the change"))
        self._settle("the first messages")
        before = [self._openable(side) for side in self._pair]
        say("Everybody has read the first messages.")
        if any(one != (0, 0) for one in before):
            raise RuntimeError("somebody is removed already")

    def change(self, data: Path) -> Figures:
        """Change the data bank; return what came of it."""
        self._staying.ask("saving", on=True)
        former = [one for answer in self._staying.ask("bytes") for one in answer["bytes"]]
        statements, cpu = self._deployment.statements(), self._deployment.cpu_by_server()
        phones, asked = self._phones_cpu_s(), self._requests()
        frames = self._frames()
        for talk in self._talk:
            talk.start()
        began = time.monotonic_ns()
        watches = [_Watch(self._url, side) for side in self._pair if side.moved]
        own = time.process_time()
        with on_cores(servers=True):
            uvloop.run(self._change(data))
        own = time.process_time() - own
        imported = time.monotonic_ns()
        say(f"The change took {(imported - began) / 1e9:.1f} s.")
        removals = [watch.result() for watch in watches]
        cut_off = [at - began for one in removals for at in one.cut_off]
        unlisted = [at - began for one in removals for at in one.unlisted]
        say(f"{len(unlisted)} are removed, after {max(unlisted, default=0) / 1e9:.1f} s.")
        read = self._until_joined(began)
        self._until_covered()
        for talk in self._talk:
            talk.end()
            talk.sent.append(talk.sender.send("After the change"))
        lost = self._settle("everything")
        settled = max(one["opened_ns"] for one in self._usage())
        later = [one for answer in self._staying.ask("bytes") for one in answer["bytes"]]
        grown = [float(new - old) for old, new in zip(former, later, strict=True)]
        spent = {name: s - cpu[name] for name, s in self._deployment.cpu_by_server().items()}
        duties, requests = self._duties(), self._requests() - asked
        say(f"Newcomers' requests: {dict(requests)}")
        return (
            duties
            | {
                "import_s": (imported - began) / 1e9,
                "cut_off": len(cut_off),
                **_spreads("cut_off", cut_off, imported - began),
                **_spreads("unlisted", unlisted, imported - began),
                "next_message_s": self._next_message_ns(imported) / 1e9,
                "joined": len(read),
                **_spreads("joined", read, imported - began),
                "settled_s": (settled - began) / 1e9,
                "lost": lost,
                "opened_by_removed": self._opened_by_removed(),
                "bytes_per_member_p50": percentile(grown, 0.5),
                "bytes_per_member_p99": percentile(grown, 0.99),
                "messages": sum(len(talk.sent) for talk in self._talk),
                "server_cpu_s": sum(spent.values()),
                **self._floor(statements, frames, duties, sum(spent.values())),
                **{f"{name}_cpu_s": s for name, s in spent.items()},
                "import_cpu_s": own,
                "phones_cpu_s": self._phones_cpu_s() - phones,
                "requests_per_newcomer": requests.total() / max(len(read), 1),
                "share_posts_per_newcomer": duties["share_posts"] / max(len(read), 1),
            }
            | self._whole_heads()
        )

    def _next_message_ns(self, imported: int) -> int:
        """Return the longest time of a message that was accepted after the commit."""
        sent = [one for talk in self._talk for one in talk.sent if one.accepted_ns > imported]
        return max(one.accepted_ns - max(one.began_ns, imported) for one in sent)

    def _whole_heads(self) -> Figures:
        whole = self._move.whole
        if whole is None:
            return {}
        now = uvloop.run(roster_epoch(self._url, whole.conversation_id))
        return {"whole_heads": now - RosterHead.parse(whole.head).epoch}

    def _usage(self) -> Iterator[Answer]:
        for crowd in (self._staying, self._moving):
            yield from crowd.ask("usage")

    def _frames(self) -> int:
        return sum(int(one["frames"]) for one in self._usage())

    def _floor(self, statements: float, frames: int, duties: Figures, spent_s: float) -> Figures:
        """Return what the servers did since these counts, and the least time for it."""
        made = ("cell_keys_made", "keys_made")
        messages = sum(len(talk.sent) for talk in self._talk)
        signatures = messages + sum(duties[name] for name in made)
        done = Work(self._deployment.statements() - statements, self._frames() - frames, signatures)
        beneath = floor(self._deployment.postgresql, done)
        ratio = spent_s / beneath["floor_cpu_s"]
        return {"statements": done.statements, **beneath, "cpu_ratio_to_floor": ratio}

    def _phones_cpu_s(self) -> float:
        return sum(float(one["cpu_s"]) for one in self._usage())

    def _requests(self) -> Counter[str]:
        """Return the requests of newcomers by the end of their path."""
        found: Counter[str] = Counter()
        for one in self._moving.ask("duties"):
            found.update(one["requests"])
        return found

    async def _change(self, data: Path) -> None:
        async with command_line(Settings(data_dir=data, database_url=self._url)) as container:
            await self._move.change(container)

    def _until_joined(self, began: int) -> list[int]:
        """Return how long newcomers took, once all have read or the time is over (ns)."""
        wanted = sum(side.online for side in self._pair)
        deadline = time.monotonic() + LIMIT_S
        said = time.monotonic()
        while True:
            found = self._moving.ask("newcomers")
            read = [at - began for answer in found for at in answer["read_ns"]]
            if len(read) >= wanted or time.monotonic() > deadline:
                say(f"{len(read)} of {wanted} newcomers have read the newest message.")
                return read
            if time.monotonic() > said + 10:
                said = time.monotonic()
                listed = sum(answer["joined"] for answer in found)
                say(f"{listed} newcomers are listed, {len(read)} have read; {self._duties()}")
            time.sleep(ROUND_S)

    def _until_covered(self) -> None:
        """Wait until every cell has its key and its seals: phones that open everything meanwhile
        would answer nobody."""
        deadline = time.monotonic() + LIMIT_S
        conversations = [side.conversation.conversation_id for side in self._pair]
        while (count := uvloop.run(missing(self._url, conversations))) > 0:
            if time.monotonic() > deadline:
                say(f"{count} keys of cells and seals are missing.")
                return
            time.sleep(COVERED_S)

    def _settle(self, what: str) -> int:
        """Wait until everybody has read everything; return how much is missing at the limit."""
        self._staying.ask("open_saved")
        deadline = time.monotonic() + SETTLE_S
        while True:
            lost: int = 0
            self._staying.ask("open_saved")
            for side, talk in zip(self._pair, self._talk, strict=True):
                sent = [(one.message_id, one.seq) for one in talk.sent]
                c: ConversationId = side.conversation.conversation_id
                for crowd in (self._staying, self._moving):
                    answers = crowd.ask("lost", conversation_id=c, messages=sent)
                    lost += sum(int(answer["lost"]) for answer in answers)
            if not lost or time.monotonic() > deadline:
                if lost:
                    say(f"{lost} readings of {what} are missing.")
                return lost
            time.sleep(ROUND_S)

    def _duties(self) -> Figures:
        """Return what devices were asked for and did, and say what went wrong."""
        crowds = (self._staying, self._moving)
        duties = [one for crowd in crowds for one in crowd.ask("duties")]
        waiting = 0
        for crowd in crowds:
            verdict = crowd.verdict([])
            waiting += verdict["waiting"]
            wrong = {name: verdict[name] for name in ("refused", "without_key", "waiting")}
            say(f"{wrong}, {[one['failed'] for one in duties if one['failed']]}")
        names = ("cell_keys_made", "keys_made", "seals_added", "share_posts")
        found: Figures = {name: sum(one[name] for one in duties) for name in names}
        asked = {cause: sum(one["shares_asked"][cause] for one in duties) for cause in CAUSES}
        found |= {f"shares_asked_{cause}": count for cause, count in asked.items()}
        return found | {"shares_asked": sum(asked.values()), "waiting": waiting}

    def _openable(self, side: Side) -> tuple[int, int]:
        return uvloop.run(openable(self._url, side.conversation, side.moved))

    def _opened_by_removed(self) -> int:
        """Return what the removed could open of what came after, by keys and by sockets."""
        opened = 0
        for side in (one for one in self._pair if one.moved):
            before, after = self._openable(side)
            if not before:
                raise RuntimeError("the keys of the removed do not open what came before")
            opened += after
        usage = self._moving.ask("usage")
        return opened + sum(int(answer["after_gone"]) for answer in usage)


def _spreads(name: str, times_ns: Sequence[int], committed_ns: int) -> Figures:
    """Return the spread of times from the beginning, and from the commit."""
    if not times_ns:
        return {}
    after = [(one - committed_ns) / 1e6 for one in times_ns]
    return spread(f"{name}_s", [one / 1e6 for one in times_ns]) | spread(
        f"{name}_after_import_s", after
    )


class _Watch(threading.Thread):
    """Watches the roster of a side."""

    def __init__(self, url: str, side: Side) -> None:
        super().__init__(daemon=True)
        self._url = url
        self._side = side
        self._found = Removals()
        self.start()

    def run(self) -> None:
        """Watch."""
        uvloop.run(watch_removals(self._url, self._side, self._found, LIMIT_S))

    def result(self) -> Removals:
        """Return when the devices were removed."""
        self.join()
        return self._found
