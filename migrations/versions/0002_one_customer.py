"""One customer

Revision: 0002, after 0001
"""

import sqlalchemy as sa
from alembic import op

from service.db import Json, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.String(length=30), nullable=False),
        sa.Column("actor_kind", sa.String(length=10), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("why", sa.String(length=200), nullable=True),
        sa.Column("detail", Json(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.create_index("ix_audit_at_id", ["at", "id"], unique=False)
        batch_op.create_index("ix_audit_customer_id_at", ["customer_id", "at"], unique=False)

    op.create_table(
        "claims",
        sa.Column("claim_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("claimed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("claim_hash", name=op.f("pk_claims")),
    )
    with op.batch_alter_table("claims", schema=None) as batch_op:
        batch_op.create_index("ix_claims_customer_id_claimed_at", ["customer_id", "claimed_at"], unique=False)

    op.create_table(
        "operators",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operators")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_operators_key_hash")),
    )
    op.create_table(
        "consents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=True),
        sa.Column("text_version", sa.String(length=50), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_consents_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.create_index("ix_consents_customer_id_purpose_at", ["customer_id", "purpose", "at"], unique=False)

    op.create_table(
        "do_not_links",
        sa.Column("a_id", sa.Uuid(), nullable=False),
        sa.Column("b_id", sa.Uuid(), nullable=False),
        sa.Column("actor_kind", sa.String(length=10), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["a_id"], ["customers.id"], name=op.f("fk_do_not_links_a_id")),
        sa.ForeignKeyConstraint(["b_id"], ["customers.id"], name=op.f("fk_do_not_links_b_id")),
        sa.PrimaryKeyConstraint("a_id", "b_id", name=op.f("pk_do_not_links")),
    )
    with op.batch_alter_table("do_not_links", schema=None) as batch_op:
        batch_op.create_index("ix_do_not_links_b_id", ["b_id"], unique=False)

    op.create_table(
        "link_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("account_customer_id", sa.Uuid(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("merge_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_customer_id"], ["customers.id"], name=op.f("fk_link_requests_account_customer_id")
        ),
        sa.ForeignKeyConstraint(["holder_id"], ["customers.id"], name=op.f("fk_link_requests_holder_id")),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_link_requests_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link_requests")),
    )
    with op.batch_alter_table("link_requests", schema=None) as batch_op:
        batch_op.create_index("ix_link_requests_holder_id_created_at", ["holder_id", "created_at"], unique=False)

    op.create_table(
        "merges",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("a_id", sa.Uuid(), nullable=False),
        sa.Column("b_id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.String(length=20), nullable=False),
        sa.Column("evidence", Json(), nullable=False),
        sa.Column("actor_kind", sa.String(length=10), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("reason_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("undone_at", UtcDateTime(), nullable=True),
        sa.Column("undone_by_kind", sa.String(length=10), nullable=True),
        sa.Column("undone_by_id", sa.Uuid(), nullable=True),
        sa.Column("undo_reason_sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["a_id"], ["customers.id"], name=op.f("fk_merges_a_id")),
        sa.ForeignKeyConstraint(["b_id"], ["customers.id"], name=op.f("fk_merges_b_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merges")),
    )
    with op.batch_alter_table("merges", schema=None) as batch_op:
        batch_op.create_index("ix_merges_b_id", ["b_id"], unique=False)
        batch_op.create_index(
            "uq_merges_active",
            ["a_id", "b_id"],
            unique=True,
            sqlite_where=sa.text("undone_at IS NULL"),
            postgresql_where=sa.text("undone_at IS NULL"),
        )

    op.create_table(
        "proposals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("a_id", sa.Uuid(), nullable=False),
        sa.Column("b_id", sa.Uuid(), nullable=False),
        sa.Column("decider", sa.String(length=10), nullable=False),
        sa.Column("reasons", Json(), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("merge_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["a_id"], ["customers.id"], name=op.f("fk_proposals_a_id")),
        sa.ForeignKeyConstraint(["b_id"], ["customers.id"], name=op.f("fk_proposals_b_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposals")),
    )
    with op.batch_alter_table("proposals", schema=None) as batch_op:
        batch_op.create_index("ix_proposals_b_id", ["b_id"], unique=False)
        batch_op.create_index("ix_proposals_status_created_at", ["status", "created_at"], unique=False)
        batch_op.create_index(
            "uq_proposals_open",
            ["a_id", "b_id"],
            unique=True,
            sqlite_where=sa.text("status = 'open'"),
            postgresql_where=sa.text("status = 'open'"),
        )

    op.create_table(
        "one_time_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("contact_index", sa.LargeBinary(length=32), nullable=False),
        sa.Column("contact_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("first_proof_id", sa.Uuid(), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.Column("message_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("send_after", UtcDateTime(), nullable=True),
        sa.Column("send_tries", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_one_time_codes_session_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_codes")),
    )
    with op.batch_alter_table("one_time_codes", schema=None) as batch_op:
        batch_op.create_index(
            "ix_one_time_codes_contact_index_created_at", ["contact_index", "created_at"], unique=False
        )
        batch_op.create_index("ix_one_time_codes_send_after", ["send_after"], unique=False)

    _extend_customers()
    _extend_identifiers()
    with op.batch_alter_table("sales", schema=None) as batch_op:
        batch_op.add_column(sa.Column("claim_hash", sa.LargeBinary(length=32), nullable=True))
        batch_op.create_index(
            "ix_sales_claim_hash",
            ["claim_hash"],
            unique=False,
            sqlite_where=sa.text("claim_hash IS NOT NULL"),
            postgresql_where=sa.text("claim_hash IS NOT NULL"),
        )

    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.alter_column("site_id", existing_type=sa.CHAR(length=32), nullable=True)

    with op.batch_alter_table("sites", schema=None) as batch_op:
        batch_op.add_column(sa.Column("may_vouch", Json(), nullable=False, server_default="[]"))
    with op.batch_alter_table("sites", schema=None) as batch_op:
        batch_op.alter_column("may_vouch", server_default=None)


def downgrade() -> None:
    """Go back to one node a person: what only the later version can hold is lost."""
    for table in ("audit", "link_requests", "one_time_codes", "consents", "proposals", "do_not_links", "merges"):
        op.drop_table(table)
    for table in ("claims", "operators"):
        op.drop_table(table)
    with op.batch_alter_table("sites") as batch_op:
        batch_op.drop_column("may_vouch")
    op.execute("DELETE FROM cards WHERE session_id IN (SELECT id FROM sessions WHERE site_id IS NULL)")
    op.execute("DELETE FROM sessions WHERE site_id IS NULL")
    with op.batch_alter_table("sessions") as batch_op:
        batch_op.alter_column("site_id", existing_type=sa.Uuid(), nullable=False)
    with op.batch_alter_table("sales") as batch_op:
        batch_op.drop_index("ix_sales_claim_hash")
        batch_op.drop_column("claim_hash")
    op.execute("DELETE FROM identifiers WHERE kind <> 'account' OR ended_at IS NOT NULL")
    with op.batch_alter_table("identifiers") as batch_op:
        for index in ("uq_identifiers_exclusive", "uq_identifiers_customer", "ix_identifiers_value_index"):
            batch_op.drop_index(index)
        for name in (*_FILLED, "value_sealed", "source_id", "proved_at", "owner_proved_at", "ended_at", "demoted_by"):
            batch_op.drop_column(name)
        batch_op.create_foreign_key("fk_identifiers_issuer", "sites", ["issuer"], ["id"])
        batch_op.create_unique_constraint("uq_identifiers_kind_issuer_value_index", ["kind", "issuer", "value_index"])
        batch_op.create_index("ix_identifiers_customer_id_issuer", ["customer_id", "issuer"])
    with op.batch_alter_table("customers") as batch_op:
        batch_op.drop_index("ix_customers_canonical_id")
        for name in ("canonical_id", "verified_at", "traits", "erased_at"):
            batch_op.drop_column(name)


def _extend_customers() -> None:
    with op.batch_alter_table("customers") as batch_op:
        batch_op.add_column(sa.Column("canonical_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("verified_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("traits", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("erased_at", UtcDateTime(), nullable=True))
    op.execute("UPDATE customers SET canonical_id = id")
    with op.batch_alter_table("customers") as batch_op:
        batch_op.alter_column("canonical_id", existing_type=sa.Uuid(), nullable=False)
        batch_op.create_index("ix_customers_canonical_id", ["canonical_id"])


def _extend_identifiers() -> None:
    """Every identifier so far is an account that its own site vouched for; its value is sealed when next seen."""
    with op.batch_alter_table("identifiers") as batch_op:
        batch_op.add_column(sa.Column("trust", sa.String(length=10), nullable=True))
        batch_op.add_column(sa.Column("exclusive", sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column("index_version", sa.SmallInteger(), nullable=True))
        batch_op.add_column(sa.Column("value_sealed", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("source", sa.String(length=10), nullable=True))
        batch_op.add_column(sa.Column("source_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("proved_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("owner_proved_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("ended_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("demoted_by", sa.Uuid(), nullable=True))
        batch_op.drop_index("ix_identifiers_customer_id_issuer")
        batch_op.drop_constraint("uq_identifiers_kind_issuer_value_index", type_="unique")
        batch_op.drop_constraint("fk_identifiers_issuer", type_="foreignkey")
    op.execute(
        "UPDATE identifiers SET trust = 'vouched', exclusive = true, index_version = 1, source = 'site',"
        " source_id = issuer"
    )
    live, exclusive = sa.text("ended_at IS NULL"), sa.text("exclusive")
    with op.batch_alter_table("identifiers") as batch_op:
        for name, kind in _FILLED.items():
            batch_op.alter_column(name, existing_type=kind, nullable=False)
        batch_op.create_index("ix_identifiers_value_index", ["value_index"])
        batch_op.create_index(
            "uq_identifiers_customer",
            ["customer_id", "kind", "issuer", "value_index"],
            unique=True,
            sqlite_where=live,
            postgresql_where=live,
        )
        batch_op.create_index(
            "uq_identifiers_exclusive",
            ["kind", "issuer", "value_index"],
            unique=True,
            sqlite_where=exclusive,
            postgresql_where=exclusive,
        )


_FILLED: dict[str, sa.types.TypeEngine[object]] = {
    "trust": sa.String(length=10),
    "exclusive": sa.Boolean(),
    "index_version": sa.SmallInteger(),
    "source": sa.String(length=10),
}
