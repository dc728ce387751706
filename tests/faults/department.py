"""A department on its PostgreSQL and NATS, which tests may kill."""

import shutil
from pathlib import Path

from copconnect.services.nats import NatsServer
from copconnect.services.postgresql import PostgreSQL
from tests.harness import databank
from tests.harness.server import run_copconnect

# A crash of PostgreSQL loses nothing that the system has; only a power cut would.
DATABASE = {"max_connections": "300", "fsync": "off"}


class Department:
    """Services, keys and people that several servers share."""

    def __init__(self, folder: Path, keys: Path) -> None:
        self.data = folder / "data"
        shutil.copytree(keys, self.data, ignore=shutil.ignore_patterns("*.sqlite3*"))
        self.database = PostgreSQL(DATABASE)
        self.nats = NatsServer(folder)
        self._folder = folder

    @property
    def settings(self) -> dict[str, str | int | bool]:
        """Settings that make a server one of this department's nodes."""
        return {
            "database_url": self.database.url(),
            "bus_url": self.nats.url,
            "messages_per_person_per_minute": 100_000,
        }

    def start(self) -> None:
        """Start the services and load the people."""
        self.database.start()
        self.nats.start()
        databank.write(self._folder / "databank")
        run_copconnect(
            self.data, "directory", "import", str(self._folder / "databank"), **self.settings
        )

    def close(self) -> None:
        """End the services."""
        self.nats.stop()
        self.database.close()
