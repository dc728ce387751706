"""How many conversations somebody has created within an hour is found by an index."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_conversations_created", "conversations", ["created_by", "created_ms"])
