"""Entering the conversation, and messages from each to everybody."""

import statistics
import time
from collections.abc import Sequence
from typing import TypeVar

import httpx
import msgspec

from copconnect import wire
from copconnect.bench.crowd import new_keys
from copconnect.bench.figures import Figures, say
from copconnect.bench.founding import Conversation
from copconnect.bench.served import Served
from tests.bench_chromium.fronts import Front, told
from tests.harness.browser import until
from tests.harness.waiting import until as wait_until

TITLE = "Telangana Police, all ranks"
TEXT = "All units: road closed from 18:00 at the main junction. Divert traffic, report by radio."
LIMIT_S = 300
# When, by the wall clock, something was pressed or came on screen.
CLICKED = """() => addEventListener("click", () => { window.benchClicked = Date.now(); },
  { capture: true, once: true })"""
WATCH = """(text) => {
  window.benchShown = new Promise((shown) => {
    const look = () => {
      const all = [...document.querySelectorAll("article, [role='article']")];
      if (all.some((one) => one.textContent.includes(text))) shown(Date.now());
      else requestAnimationFrame(look);
    };
    look();
  });
}"""
T = TypeVar("T")


class Talking:
    """The two in Chromium, the whole clients under Node, and everybody else."""

    def __init__(self, conversation: Conversation, parts: Served, both: Sequence[Front]) -> None:
        self._conversation = conversation
        self._id = conversation.founding.conversation_id
        self._crowd, self._node = parts.crowd, parts.sender
        self._first, self._second = self._both = tuple(both)
        member = conversation.devices[conversation.cells[-1].client_ids[-1]]
        self._api = httpx.Client(
            base_url=f"{parts.deployment.origins[0]}/v1/conversations/{self._id}",
            headers={
                "authorization": f"Bearer {member.token}",
                "accept": "application/msgpack",
            },
            timeout=60,
        )

    def enter(self) -> Figures:
        """Register both and let them enter their cells; the first names the conversation."""
        figures: Figures = {}
        for name, front in zip(("first", "second"), self._both, strict=True):
            officer = front.officer
            began = time.monotonic()
            officer.register_again()
            registered = time.monotonic()
            front.go(f"chats/{self._id}/encryption")
            joined = officer.word("conversation.encryption.check_text")
            officer.page.get_by_text(joined).wait_for()
            entered = time.monotonic()
            figures[f"register_s_{name}"] = registered - began
            figures[f"enter_s_{name}"] = entered - registered
            say(f"The {name} is in, {entered - registered:.1f} s after registering.")
        self._tell()
        self._first.go(f"chats/{self._id}/info")
        officer = self._first.officer
        officer.page.get_by_role("button", name=officer.word("groups.edit"), exact=True).click()
        officer.page.get_by_label(officer.word("groups.name"), exact=True).fill(TITLE)
        officer.button("app.save").click()
        for front in self._both:
            front.go(f"chats/{self._id}")
            front.officer.heading_of(TITLE).wait_for()
        return figures

    def _tell(self) -> None:
        """Let the simulated devices know the newest roster heads and the two cells' keys."""
        first = int.from_bytes(self._conversation.founding.head[17:25], "big")
        heads = self._get(f"roster/heads?from={first}&to={first + 200}", wire.RosterHeads).heads
        for head in heads:
            self._crowd.ask("know", head=head.hex())

        self._crowd.publish(new_keys(self._node.seeds()))

        def agreed() -> bool:
            cells = self._node.ask("held")["cells"]
            if None in cells:
                return False
            held = {one["cellId"]: one for one in cells}
            keys = [key for key in self._get("keys", wire.CellKeys).keys if key.cell_id in held]
            if any(key.epoch != held[key.cell_id]["epoch"] for key in keys):
                return False
            self._crowd.publish(
                {k.cell_id: (k.key_id, bytes.fromhex(held[k.cell_id]["seed"])) for k in keys}
            )
            return True

        wait_until(agreed, "the cells' new keys")

    def _get(self, path: str, kind: type[T]) -> T:
        answer = self._api.get(path)
        answer.raise_for_status()
        return msgspec.msgpack.decode(answer.content, type=kind)

    def talk(self, rounds: int) -> Figures:
        """Messages from each browser and from Node. The first, for which the keys of all cells are
        fetched and judged, is told apart."""
        measured: list[Figures] = []
        for number in range(rounds + 1):
            figures = self._from_first(number)
            self._between(self._second, self._first, f"{TEXT} (2.{number})")
            figures |= self._from_node(number)
            measured.append(figures)
            say(told(figures))
        medians = {name: statistics.median(one[name] for one in measured[1:]) for name in figures}
        return medians | {"first_send_to_all_ms": measured[0]["send_to_all_ms"]}

    def _between(self, sender: Front, receiver: Front, text: str) -> tuple[str, float, float]:
        """Send from one browser to the other; return the message's id, when the button was pressed
        and when it came on screen (wall clock, ms)."""
        page, before = sender.officer.page, len(sender.posted)
        receiver.officer.page.evaluate(WATCH, text)
        sender.officer.composer.fill(text)
        page.evaluate(CLICKED)
        sender.officer.button("conversation.send").click()
        until(page, lambda: len(sender.posted) > before)
        shown = receiver.officer.page.evaluate("() => window.benchShown")
        sender.officer.sees_status(text, "sent")
        return sender.posted[-1], page.evaluate("() => window.benchClicked"), shown

    def _from_first(self, number: int) -> Figures:
        offset_ns = time.time_ns() - time.monotonic_ns()
        message_id, clicked, shown = self._between(
            self._first, self._second, f"{TEXT} (1.{number})"
        )
        came = self._crowd.ask("wait", entry_id=message_id, limit_s=LIMIT_S)
        if (count := sum(one["came"] for one in came)) != self._crowd.devices:
            raise RuntimeError(f"the message came to {count} of {self._crowd.devices} devices")
        self._crowd.ask("open")
        times = self._crowd.verdict([message_id], times=True)["times_ns"][0]
        after = [(at + offset_ns) / 1e6 - clicked for at in times]
        return {
            "receive_ms": shown - clicked,
            "send_to_first_ms": after[0],
            "send_to_half_ms": after[len(after) // 2],
            "send_to_all_ms": after[-1],
        }

    def _from_node(self, number: int) -> Figures:
        text = f"{TEXT} (3.{number})"
        for front in self._both:
            front.officer.page.evaluate(WATCH, text)
        began = time.time() * 1000
        sent = self._node.ask("send", text=text)
        shown = [front.officer.page.evaluate("() => window.benchShown") for front in self._both]
        self._crowd.ask("wait", entry_id=sent["entryId"], limit_s=LIMIT_S)
        return {"receive_from_node_ms": max(shown) - began}

    def verdict(self) -> Figures:
        """Whether every simulated device opened every message, each once."""
        self._crowd.ask("open")
        posted = [*self._node.posted, *(one for front in self._both for one in front.posted)]
        found = self._crowd.verdict(posted)
        if found["refused"] or found["unexpected"] or found["waiting"]:
            raise RuntimeError(f"devices refused: {found}")
        return {
            "messages": len(posted),
            "decrypted": found["opened"] / len(posted),
            "lost": found["lost"],
            "duplicates": found["duplicates"],
        }

    def go_on(self, messages: int) -> None:
        """Fill the conversation; return once both see the last one."""
        text = ""
        for number in range(messages):
            text = f"Beat {number}: patrolled, nothing to report."
            self._node.ask("send", text=text)
        for front in self._both:
            front.officer.message(text).wait_for()
        say(f"{messages} more messages came.")
