"""The least processor time of servers for a change of rosters and keys: what they did, by units
that are measured in the same run.

A statement: a row that the bare driver asks for by a prepared statement, in its process and in the
database's. A frame: ready bytes that are written to a socket. A signature: one verification. The
rest is the price of the program: rights, rows, proofs, encoding and HTTP.
"""

import contextlib
import time
from dataclasses import dataclass

import asyncpg
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.figures import Figures
from bench.machine.copying import connected
from bench.machine.workers import family_cpu_s
from bench.net.floor_side import Floor
from copconnect.services.postgresql import PostgreSQL

STATEMENTS, SOCKETS, SIGNATURES = 2_000, 500, 500
FRAME_BYTES = 600  # A message of the benchmark.


@dataclass(frozen=True, slots=True)
class Work:
    """The work of servers: statements, frames to devices, signatures of records and messages."""

    statements: float
    frames: float
    signatures: float


def floor(postgresql: PostgreSQL, work: Work) -> Figures:
    """Return the units, and the time that the work takes by them."""
    statement_s = uvloop.run(_statement_s(postgresql))
    with contextlib.closing(Floor(SOCKETS, 1)) as sockets:
        frame_s = sockets.round(FRAME_BYTES).cpu_us / 1e6
    signature_s = _signature_s()
    least_s = work.statements * statement_s + work.frames * frame_s + work.signatures * signature_s
    return {
        "floor_statement_us": statement_s * 1e6,
        "floor_frame_us": frame_s * 1e6,
        "floor_signature_us": signature_s * 1e6,
        "frames": work.frames,
        "floor_cpu_s": least_s,
    }


async def _statement_s(postgresql: PostgreSQL) -> float:
    async with connected(postgresql.url()) as connection:
        asked: asyncpg.prepared_stmt.PreparedStatement = await connection.prepare(
            "SELECT client_id FROM auth_clients WHERE client_id = $1"
        )
        own, database = time.process_time(), family_cpu_s(postgresql.pid)
        for number in range(STATEMENTS):
            await asked.fetch(str(number))
        database = family_cpu_s(postgresql.pid) - database
        return (time.process_time() - own + database) / STATEMENTS


def _signature_s() -> float:
    key = Ed25519PrivateKey.generate()
    public, signature = key.public_key(), key.sign(b"record")
    began = time.process_time()
    for _ in range(SIGNATURES):
        public.verify(signature, b"record")
    return (time.process_time() - began) / SIGNATURES
