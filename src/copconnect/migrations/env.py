"""Alembic's environment: runs on the connection that ``migrate`` opened."""

from alembic import context

from copconnect.database.engine import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
)
context.run_migrations()
