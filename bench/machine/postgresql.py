"""A PostgreSQL for a benchmark: a temporary folder, durability on, as the server ships it but for
the number of connections and the size of its memory."""

from typing import Self

from copconnect.services import postgresql

SETTINGS = {"max_connections": "300", "shared_buffers": "512MB", "max_wal_size": "4GB"}


class PostgreSQL(postgresql.PostgreSQL):
    """A running server with one empty database; use as a context manager."""

    def __init__(self) -> None:
        super().__init__(SETTINGS)

    def __enter__(self) -> Self:
        """Make an empty cluster and serve it."""
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it and forget its data."""
        self.close()
