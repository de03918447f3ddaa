"""OTP keys that follow from the card number

Revision: 0004, after 0003
"""

import sqlalchemy as sa
from alembic import op

from service.db import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Each card has another OTP key from here on, so what ran before can't go on beside it. An app that keeps its key
    # makes a new card; `/app` keeps none.
    op.drop_column("cards", "otp_key")
    op.create_table(
        "card_numbers",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_card_numbers")),
        sqlite_with_rowid=False,
    )
    op.add_column("otp_failures", sa.Column("retry_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("otp_failures", "retry_at")
    op.drop_table("card_numbers")
    # The keys that were stored are gone, and their cards with them.
    op.execute("UPDATE cards SET revoked_at = created_at WHERE revoked_at IS NULL")
    op.add_column("cards", sa.Column("otp_key", sa.LargeBinary(), nullable=False, server_default=""))
