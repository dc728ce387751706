"""When the certificate that signed a cell's key expires."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cell_keys", sa.Column("signer_until_ms", sa.BigInteger(), nullable=True))
