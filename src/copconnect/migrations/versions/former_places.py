"""Where clients were before their cell was given up or merged; people's leaves by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "former_places",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("client_id", sa.String(length=32), nullable=False),
        sa.Column("cell_id", sa.String(length=32), nullable=False),
        sa.Column("until_seq", sa.BigInteger(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "conversation_id", "client_id", "cell_id", name=op.f("pk_former_places")
        ),
    )
    op.create_index(op.f("ix_roster_leaves_person_id"), "roster_leaves", ["person_id"])
