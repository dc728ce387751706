"""The admins of a conversation are found without reading its members."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    admin = sa.text("admin")
    op.create_index(
        "ix_members_admins",
        "members",
        ["conversation_id"],
        sqlite_where=admin,
        postgresql_where=admin,
    )
