"""Withheld cards

Revision: 0003, after 0002
"""

import sqlalchemy as sa
from alembic import op

from service.db import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Cards that a withdrawal froze before stay frozen: their owners unfreeze them.
    op.add_column("cards", sa.Column("withheld_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("cards", "withheld_at")
