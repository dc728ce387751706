"""`make bench-chromium`: two people in Chromium in a conversation of MEMBERS simulated devices.

The servers, the founded conversation and the simulated devices are those of ``bench fanout``. Two
officers whose first devices are simulated register a second one in Chromium, through the screens
that everybody uses; each enters its person's cell by itself. Then they name the conversation, send
and receive while everybody else is connected and decrypts, and scroll and search. The last line is
JSON.

A whole client under Node sits in each of their two cells: it tells the cell's new key to the
simulated devices, which hold no MLS state, and one of them sends.
"""

import argparse
import dataclasses
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from playwright.sync_api import sync_playwright

from copconnect.bench import force as forces
from copconnect.bench import founding
from copconnect.bench.crowd import new_keys
from copconnect.bench.figures import Figures, report, say
from copconnect.bench.force import Device, Force
from copconnect.bench.founding import Conversation
from copconnect.bench.served import connect, served
from tests.bench_chromium.fronts import fronts, told
from tests.bench_chromium.looking import Looking
from tests.bench_chromium.talking import Talking
from tests.harness import databank


def main() -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="bench-chromium")
    parser.add_argument("--members", type=int, default=63_000)
    parser.add_argument("--suite", type=int, default=1, help="MLS cipher suite")
    parser.add_argument("--processes", type=int, default=4, help="workers, simulator processes")
    parser.add_argument("--rounds", type=int, default=5, help="messages each way to everybody")
    parser.add_argument("--messages", type=int, default=200, help="more, in the list to scroll")
    parser.add_argument("--slowdown", type=float, default=6, help="of the page, to scroll again")
    parser.add_argument("--cache", type=Path, default=Path(".bench-cache"))
    options = parser.parse_args()
    force = forces.cached(options.cache.resolve(), options.members + 1)
    conversation = founding.cached(force, options.suite)
    with tempfile.TemporaryDirectory(prefix="copconnect-bench-") as folder:
        report(_run(force, conversation, Path(folder), options))
    return 0


def _run(
    force: Force, conversation: Conversation, folder: Path, options: argparse.Namespace
) -> Figures:
    people, whole = _casting(force, conversation)
    with served(force, conversation, folder, options.processes, whole) as parts:
        deployment, crowd, node = parts
        figures: Figures = {"members": len(force.devices), "cells": len(conversation.cells)}
        figures |= connect(deployment, crowd)
        node.ask("start")
        crowd.publish(new_keys(node.seeds()))
        with sync_playwright() as playwright, fronts(playwright, deployment, people) as both:
            talking = Talking(conversation, parts, both)
            figures |= talking.enter()
            figures |= talking.talk(options.rounds)
            figures |= talking.verdict()
            say(told(figures))
            crowd.ask("disconnect")
            talking.go_on(options.messages)
            looking = Looking(conversation.founding.conversation_id, both)
            figures |= looking.around(len(conversation.cells), options.slowdown)
            for one in both:
                if one.officer.problems:
                    raise RuntimeError(f"in the page: {one.officer.problems}")
        node.ask("close")
    return figures


def _casting(
    force: Force, conversation: Conversation
) -> tuple[list[databank.Officer], list[Device]]:
    """Return the two officers (the first made the conversation, and so administers it) and, for
    each one's cell, another device that becomes a whole client."""
    creator = force.devices[0]
    own = next(cell for cell in conversation.cells if creator.client_id in cell.client_ids)
    other = next(cell for cell in conversation.cells if cell is not own)
    devices = [creator, conversation.devices[other.client_ids[0]]]
    taken = {device.client_id for device in devices}
    whole = [
        next(conversation.devices[one] for one in cell.client_ids if one not in taken)
        for cell in (own, other)
    ]
    with closing(sqlite3.connect(force.database)) as database:
        return [_person(database, device.person_id) for device in devices], whole


def _person(database: sqlite3.Connection, person_id: str) -> databank.Officer:
    fields = [field.name for field in dataclasses.fields(databank.Officer)]
    row = database.execute(
        "SELECT code, name_en, name_te, number, rank, post_en, unit_id, unit_admin, roles, ''"
        " FROM roster_people WHERE person_id = ?",
        (person_id,),
    ).fetchone()
    return databank.Officer(**dict(zip(fields, row, strict=True)))


if __name__ == "__main__":
    sys.exit(main())
