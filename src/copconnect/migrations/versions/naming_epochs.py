"""The roster epoch with which each client got its place in a conversation."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("roster_leaves", sa.Column("named_epoch", sa.BigInteger(), nullable=True))
