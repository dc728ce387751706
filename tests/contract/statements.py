"""Counts SQL statements."""

from sqlalchemy import event
from sqlalchemy.engine import Connection

from copconnect.database.engine import Database


class Statements:
    """Counts what a block executes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.texts: list[str] = []

    def __enter__(self) -> list[str]:
        for engine in self._database.sync_engines:
            event.listen(engine, "before_cursor_execute", self._note)
        return self.texts

    def __exit__(self, *_: object) -> None:
        for engine in self._database.sync_engines:
            event.remove(engine, "before_cursor_execute", self._note)

    def _note(self, _connection: Connection, _cursor: object, text: str, *_: object) -> None:
        self.texts.append(text)
