"""Join leases that one client cannot keep for ever."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("lease_since_ms", "lease_asked_ms"):
        op.add_column("cells", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
