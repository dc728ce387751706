"""A version of each conversation's cursors; the cursors of a person are found by themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "receipt_versions",
        sa.Column("conversation_id", sa.String(32), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_receipt_versions")),
    )
    op.create_index("ix_cursors_person", "cursors", ["conversation_id", "person_id"])
