"""The people of two conversations for a benchmark of transfers: who stays, who is moved, which of
them are whole clients under Node and which are simulated."""

import contextlib
import csv
import io
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from copconnect.bench import founding
from copconnect.bench.audiences import HALVES
from copconnect.bench.crowd import Crowd
from copconnect.bench.cut_off import Place
from copconnect.bench.deployment import Deployment
from copconnect.bench.force import SEED, Device, Force
from copconnect.bench.founding import Conversation
from copconnect.bench.node import NodeProgram
from copconnect.ids import CellId, ClientId, ConversationId
from copconnect.roster import databank, synthetic
from copconnect.roster.databank import DataBank

TRANSFERS = "client/bench/transfers.ts"


@dataclass(frozen=True, slots=True)
class Side:
    """The people of one conversation; who is in both takes no part. ``whole`` stay: one in each
    cell, in the order of the cells. Of those who are ``moved`` away the first ``joining`` come into
    their new cells, and the first ``watched`` of these are whole clients before, too."""

    conversation: Conversation
    whole: Sequence[Device]
    moved: Sequence[Device]
    watched: int
    joining: int
    absent: frozenset[str]

    @property
    def conversation_id(self) -> ConversationId:
        """Its conversation."""
        return ConversationId(self.conversation.founding.conversation_id)

    def places(self) -> dict[ClientId, Place]:
        """Return where the moved are before."""
        moved = {device.client_id for device in self.moved}
        return {
            ClientId(client_id): Place(self.conversation_id, CellId(cell.cell_id))
            for cell in self.conversation.cells
            for client_id in cell.client_ids
            if client_id in moved
        }


def data_bank(force: Force) -> dict[str, bytes]:
    """Return the files of the force's data bank."""
    return synthetic.write(len(force.devices), SEED)


def sides(
    conversations: tuple[Conversation, Conversation],
    bank: DataBank,
    transfers: int,
    *,
    watched: int,
    joining: int,
) -> tuple[Side, Side]:
    """Choose who is moved: half of them from each side, nobody who leads it. ``joining`` of all
    come into their new cells, ``watched`` of these are watched. Raises ValueError if there are too
    few people, or more watched than joining."""
    if not watched <= joining <= transfers:
        raise ValueError("the watched are some of the joining, and these some of the moved")
    first, second = (
        {client for cell in one.cells for client in cell.client_ids} for one in conversations
    )
    absent = frozenset(first & second)
    leading: set[str] = {person.person_id for person in bank.people if person.unit in HALVES}
    return (
        _side(conversations[0], absent, leading, transfers // 2, watched // 2, joining // 2),
        _side(conversations[1], absent, leading, transfers // 2, watched // 2, joining // 2),
    )


def _side(
    conversation: Conversation,
    absent: frozenset[str],
    leading: set[str],
    moved: int,
    watched: int,
    joining: int,
) -> Side:
    whole, others = [], []
    for cell in conversation.cells:
        present = [conversation.devices[one] for one in cell.client_ids if one not in absent]
        whole.append(present[0])
        others += [one for one in present[1:] if one.person_id not in leading]
    if len(others) < moved:
        raise ValueError(f"only {len(others)} people of a conversation can be moved")
    chosen = random.Random(SEED).sample(others, moved)  # noqa: S311 - nothing here is secret.
    return Side(conversation, whole, chosen, watched, joining, absent)


def transferred(files: Mapping[str, bytes], pair: tuple[Side, Side]) -> DataBank:
    """Return the data bank after the transfers: each of the moved changes units with somebody of
    the other side. Read from CSV, as a department's is."""
    rows = list(csv.DictReader(io.StringIO(files["people"].decode())))
    by_person: dict[str, dict[str, str]] = {
        person.person_id: row for person, row in zip(databank.read(files).people, rows, strict=True)
    }
    for one, other in zip(pair[0].moved, pair[1].moved, strict=True):
        a, b = by_person[one.person_id], by_person[other.person_id]
        a["unit"], b["unit"] = b["unit"], a["unit"]
    text = io.StringIO()
    writer = csv.DictWriter(text, databank.PEOPLE_COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    bank = databank.read({**files, "people": text.getvalue().encode()})
    if bank.problems:
        raise RuntimeError(f"the data bank has problems: {bank.problems[:3]}")
    return bank


class Present:
    """Everybody of a side, at running servers: devices in two crowds, whole clients in two programs
    (``staying`` and ``moving``)."""

    def __init__(
        self,
        side: Side,
        to: ConversationId,
        deployment: Deployment,
        folder: Path,
        stack: contextlib.ExitStack,
        turn: int,
    ) -> None:
        self.side = side
        folder.mkdir()
        conversation = side.conversation
        everybody = {client for cell in conversation.cells for client in cell.client_ids}
        watched, passing = side.moved[: side.watched], side.moved[side.watched : side.joining]
        simulated = {device.client_id for device in side.moved[side.watched :]}
        whole = {device.client_id for device in (*side.whole, *watched)}

        def crowd(name: str, without: set[str], at: int) -> Crowd:
            (folder / name).mkdir()
            first = at % len(deployment.addresses)
            addresses = deployment.addresses[first:] + deployment.addresses[:first]
            return Crowd(conversation, addresses, 1, folder / name, stack, without)

        self.staying = crowd("staying", simulated | whole | side.absent, turn)
        self.leaving = crowd("leaving", everybody - simulated, turn + 1)

        def program(name: str, clients: Sequence[Device], later: Sequence[Device]) -> NodeProgram:
            plan = {
                "trust": conversation.founding.trust,
                "conversationId": side.conversation_id,
                "to": to,
                "clients": [_with_token(device) for device in clients],
                "passing": [_with_token(device) for device in later],
            }
            file = folder / f"{name}.msgpack"
            file.write_bytes(msgspec.msgpack.encode(plan))
            made = NodeProgram(TRANSFERS, str(file), *deployment.origins)
            return stack.enter_context(contextlib.closing(made))

        self.members = program("members", side.whole, ())
        self.movers = program("movers", watched, passing)
        self._client_of = {
            cell.cell_id: index for index, cell in enumerate(side.conversation.cells)
        }

    @property
    def crowds(self) -> tuple[Crowd, Crowd]:
        """Who stays, and who leaves."""
        return self.staying, self.leaving

    def duties(self) -> set[str]:
        """Return the cells that simulated devices were asked to commit Removes in since the last
        time: of this side, or of the other where they have gone."""
        return {
            cell_id
            for crowd in self.crowds
            for one in crowd.ask("duties")
            for cell_id in one["cells"]
        }

    def hand_on(self, duties: set[str]) -> None:
        """Let the whole clients of these cells commit, where they are of this side."""
        for cell_id in duties & self._client_of.keys():
            self.members.tell("duty", client=self._client_of[cell_id], cellId=cell_id)


def _with_token(device: Device) -> dict[str, object]:
    return founding.planned(device) | {"token": device.token}
