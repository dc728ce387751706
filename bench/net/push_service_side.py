"""The push service as its own process. Arguments: the certificate's file, its key's, and the
server's public key in hex. Commands: ``port``, ``count``, ``verdict`` (and start over)."""

import sys
from collections import Counter
from pathlib import Path

import uvloop

from bench.machine.children import Answer, answer_lines
from bench.net.push_service import PushService
from copconnect.commands import descriptors


class Side:
    """Answers what came."""

    def __init__(self, service: PushService) -> None:
        self._service = service

    async def answer(self, asked: Answer) -> Answer:
        """Carry out one command."""
        service = self._service
        if asked["command"] == "port":
            return {"port": service.port}
        if asked["command"] == "count":
            return {"requests": len(service.requests)}
        paths = Counter(one.path for one in service.requests)
        found = {
            "requests": len(service.requests),
            "woken": len(paths),
            "wrong": len(service.wrong),
            "tokens": len(service.tokens),
            "connections": service.connections,
            "last_ns": round(max((one.at for one in service.requests), default=0) * 1e9),
        }
        service.requests, service.wrong, service.connections = [], [], 0
        return found


async def _main(certificate: str, key: str, public_key: str) -> None:
    descriptors.raise_limit()
    service = PushService(bytes.fromhex(public_key))
    await service.start((Path(certificate), Path(key)))
    await answer_lines(Side(service).answer)


if __name__ == "__main__":
    uvloop.run(_main(*sys.argv[1:]))
