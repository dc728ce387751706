"""Access tokens that ended are kept for a while, with why."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("auth_tokens", sa.Column("ended_ms", sa.BigInteger(), nullable=True))
    op.add_column("auth_tokens", sa.Column("ended_reason", sa.String(length=16), nullable=True))
    op.create_index(op.f("ix_auth_tokens_ended_ms"), "auth_tokens", ["ended_ms"])
