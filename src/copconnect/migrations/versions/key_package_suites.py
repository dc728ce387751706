"""Key packages of more than one cipher suite."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "key_packages", sa.Column("suite", sa.Integer(), nullable=False, server_default="1")
    )
