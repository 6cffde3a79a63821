"""The first schema."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel.sql.sqltypes import AutoString as Words
from sqlmodel.sql.sqltypes import UTCDateTime as Instant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PLAIN = sa.JSON().with_variant(JSONB(), "postgresql")
NUMBERED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UNMAILED = "mail_due_at IS NOT NULL AND mailed_at IS NULL"

KEPT = {
    "sqlite": (
        """CREATE TRIGGER consents_never_change BEFORE UPDATE ON consents
BEGIN SELECT RAISE(ABORT, 'consents are never changed'); END""",
        """CREATE TRIGGER consents_stay BEFORE DELETE ON consents
WHEN EXISTS (SELECT 1 FROM prospects WHERE id = OLD.prospect AND address IS NOT NULL)
BEGIN SELECT RAISE(ABORT, 'consents go only with the person'); END""",
    ),
    "postgresql": (
        """CREATE FUNCTION consents_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
IF TG_OP = 'UPDATE' THEN RAISE EXCEPTION 'consents are never changed'; END IF;
IF EXISTS (SELECT 1 FROM prospects WHERE id = OLD.prospect AND address IS NOT NULL)
THEN RAISE EXCEPTION 'consents go only with the person'; END IF;
RETURN OLD; END $$""",
        """CREATE TRIGGER consents_kept BEFORE UPDATE OR DELETE ON consents
FOR EACH ROW EXECUTE FUNCTION consents_kept()""",
    ),
}
"""The ledger of consents only grows, except for somebody who is erased."""


def where(condition: str) -> dict[str, Any]:
    """The condition of a partial index, for both databases."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """The way forward; there is none back: restore a backup instead."""
    op.create_table(
        "meta",
        sa.Column("key", Words(), nullable=False),
        sa.Column("value", Words(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
    )
    op.create_table(
        "alerts",
        sa.Column("kind", Words(), nullable=False),
        sa.Column("subject", Words(), nullable=False),
        sa.Column("words", Words(), nullable=False),
        sa.Column("figure", sa.Integer(), nullable=False),
        sa.Column("raised_at", Instant(), nullable=False),
        sa.Column("told_at", Instant(), nullable=True),
        sa.Column("cleared_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("kind", "subject", name=op.f("pk_alerts")),
    )
    op.create_table(
        "paces",
        sa.Column("account", Words(), nullable=False),
        sa.Column("receiver", Words(), nullable=False),
        sa.Column("log", Words(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("rate", sa.Integer(), nullable=True),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("today", sa.Integer(), nullable=False),
        sa.Column("drops", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("account", "receiver", name=op.f("pk_paces")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_paces_line", "paces", ["next_at"], **where("next_at IS NOT NULL"))
    op.create_table(
        "tallies",
        sa.Column("account", Words(), nullable=False),
        sa.Column("receiver", Words(), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("deferred", sa.Integer(), nullable=False),
        sa.Column("hard", sa.Integer(), nullable=False),
        sa.Column("blocked", sa.Integer(), nullable=False),
        sa.Column("complaints", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("account", "receiver", "hour", "part", name=op.f("pk_tallies")),
    )
    op.create_index(op.f("ix_tallies_hour"), "tallies", ["hour"])
    op.create_table(
        "breakers",
        sa.Column("account", Words(), nullable=False),
        sa.Column("receiver", Words(), nullable=False),
        sa.Column("kind", Words(), nullable=False),
        sa.Column("state", Words(), nullable=False),
        sa.Column("reason", Words(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("until", Instant(), nullable=True),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("counted", sa.Integer(), nullable=False),
        sa.Column("bad", sa.Integer(), nullable=False),
        sa.CheckConstraint("state IN ('warned', 'paused', 'stopped')", name=op.f("ck_breakers_state_known")),
        sa.CheckConstraint(
            "kind IN ('complaints', 'bounces', 'deferrals', 'account')",
            name=op.f("ck_breakers_kind_known"),
        ),
        sa.CheckConstraint(
            "(state = 'paused') = (until IS NOT NULL)", name=op.f("ck_breakers_paused_means_until")
        ),
        sa.PrimaryKeyConstraint("account", "receiver", "kind", name=op.f("pk_breakers")),
    )
    op.create_table(
        "programmes",
        sa.Column("hash", Words(), nullable=False),
        sa.Column("files", PLAIN, nullable=False),
        sa.Column("stored_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_programmes")),
    )
    op.create_table(
        "prospects",
        sa.Column("id", NUMBERED, autoincrement=True, nullable=False),
        sa.Column("address", Words(), nullable=True),
        sa.Column("account", Words(), nullable=False),
        sa.Column("kind", Words(), nullable=False),
        sa.Column("personal", PLAIN, nullable=False),
        sa.Column("source", Words(), nullable=False),
        sa.Column("source_kind", Words(), nullable=False),
        sa.Column("campaign", Words(), nullable=False),
        sa.Column("entered_at", Instant(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("folded", sa.Integer(), nullable=False),
        sa.Column("lifecycle", Words(), nullable=False),
        sa.Column("stage", Words(), nullable=False),
        sa.Column("snapshot", sa.LargeBinary(), nullable=True),
        sa.Column("mark", Words(), nullable=False),
        sa.Column("wake_at", Instant(), nullable=True),
        sa.Column("wake_reason", Words(), nullable=False),
        sa.Column("errors", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "wake_at IS NOT NULL OR wake_reason <> ''", name=op.f("ck_prospects_wakes_or_says_why_not")
        ),
        sa.CheckConstraint("folded >= 0 AND folded <= n", name=op.f("ck_prospects_counts_facts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prospects")),
        sa.UniqueConstraint("address", name=op.f("uq_prospects_address")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_prospects_account"), "prospects", ["account"])
    op.create_index("ix_prospects_due", "prospects", ["wake_at", "id"], **where("wake_at IS NOT NULL"))
    op.create_index(op.f("ix_prospects_lifecycle"), "prospects", ["lifecycle"])
    op.create_table(
        "suppressions",
        sa.Column("hash", Words(), nullable=False),
        sa.Column("scope", Words(), nullable=False),
        sa.Column("covers", Words(), nullable=False),
        sa.Column("reason", Words(), nullable=False),
        sa.Column("evidence", Words(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("hash", "scope", name=op.f("pk_suppressions")),
    )
    op.create_table(
        "activations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("programme", Words(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["programme"], ["programmes.hash"], name=op.f("fk_activations_programme")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activations")),
    )
    op.create_table(
        "active",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("programme", Words(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("readings", PLAIN, nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_active_one_row")),
        sa.ForeignKeyConstraint(["programme"], ["programmes.hash"], name=op.f("fk_active_programme")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_active")),
    )
    op.create_table(
        "consents",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("prospect", sa.BigInteger(), nullable=False),
        sa.Column("kind", Words(), nullable=False),
        sa.Column("basis", Words(), nullable=False),
        sa.Column("scope", Words(), nullable=False),
        sa.Column("source", Words(), nullable=False),
        sa.Column("way", Words(), nullable=False),
        sa.Column("evidence", Words(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("known", Instant(), nullable=False),
        sa.CheckConstraint("kind IN ('given', 'withdrawn')", name=op.f("ck_consents_kind_known")),
        sa.CheckConstraint("(kind = 'given') = (basis <> '')", name=op.f("ck_consents_given_means_basis")),
        sa.ForeignKeyConstraint(
            ["prospect"], ["prospects.id"], name=op.f("fk_consents_prospect"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    op.create_index(op.f("ix_consents_prospect"), "consents", ["prospect"])
    for statement in KEPT[op.get_context().dialect.name]:
        op.execute(statement)
    op.create_table(
        "deals",
        sa.Column("id", Words(), nullable=False),
        sa.Column("prospect", sa.BigInteger(), nullable=True),
        sa.Column("account", Words(), nullable=False),
        sa.Column("status", Words(), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("currency", Words(), nullable=False),
        sa.ForeignKeyConstraint(
            ["prospect"], ["prospects.id"], name=op.f("fk_deals_prospect"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deals")),
    )
    op.create_index(op.f("ix_deals_prospect"), "deals", ["prospect"])
    op.create_table(
        "enrollments",
        sa.Column("prospect", sa.BigInteger(), nullable=False),
        sa.Column("sequence", Words(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["prospect"], ["prospects.id"], name=op.f("fk_enrollments_prospect"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("prospect", "sequence", name=op.f("pk_enrollments")),
    )
    op.create_index(op.f("ix_enrollments_sequence"), "enrollments", ["sequence"])
    op.create_table(
        "facts",
        sa.Column("prospect", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("known", Instant(), nullable=False),
        sa.Column("programme", Words(), nullable=False),
        sa.Column("kind", Words(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("channel", Words(), nullable=True),
        sa.Column("external_id", Words(), nullable=True),
        sa.CheckConstraint("n >= 1", name=op.f("ck_facts_counts_from_one")),
        sa.ForeignKeyConstraint(
            ["prospect"], ["prospects.id"], name=op.f("fk_facts_prospect"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("prospect", "n", name=op.f("pk_facts")),
    )
    op.create_index(
        "uq_facts_channel_external_id",
        "facts",
        ["channel", "external_id"],
        unique=True,
        **where("external_id IS NOT NULL"),
    )
    op.create_table(
        "handoffs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("prospect", sa.BigInteger(), nullable=False),
        sa.Column("decision", sa.Integer(), nullable=False),
        sa.Column("lane", Words(), nullable=False),
        sa.Column("grade", Words(), nullable=False),
        sa.Column("intent", sa.Float(), nullable=False),
        sa.Column("programme", Words(), nullable=False),
        sa.Column("agreement", sa.Integer(), nullable=False),
        sa.Column("promoted_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("packet", PLAIN, nullable=False),
        sa.Column("state", Words(), nullable=False),
        sa.Column("reason", Words(), nullable=False),
        sa.Column("by", Words(), nullable=False),
        sa.Column("answered_at", Instant(), nullable=True),
        sa.Column("mail_due_at", Instant(), nullable=False),
        sa.Column("mail_attempts", sa.Integer(), nullable=False),
        sa.Column("mailed_at", Instant(), nullable=True),
        sa.Column("words", Words(), nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'accepted', 'rejected', 'recycled', 'opportunity', "
            "'won', 'lost', 'withdrawn', 'recalled')",
            name=op.f("ck_handoffs_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["prospect"], ["prospects.id"], name=op.f("fk_handoffs_prospect"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handoffs")),
        sa.UniqueConstraint("prospect", "decision", name=op.f("uq_handoffs_prospect_decision")),
    )
    op.create_index(op.f("ix_handoffs_prospect"), "handoffs", ["prospect"])
    op.create_index("ix_handoffs_unmailed", "handoffs", ["mail_due_at"], **where("mailed_at IS NULL"))
    op.create_table(
        "hits",
        sa.Column("id", NUMBERED, autoincrement=True, nullable=False),
        sa.Column("prospect", sa.BigInteger(), nullable=True),
        sa.Column("touch", sa.BigInteger(), nullable=True),
        sa.Column("kind", Words(), nullable=False),
        sa.Column("link", sa.Integer(), nullable=False),
        sa.Column("url", Words(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("method", Words(), nullable=False),
        sa.Column("agent", Words(), nullable=False),
        sa.Column("network", Words(), nullable=False),
        sa.Column("prefetch", sa.Boolean(), nullable=False),
        sa.Column("manner", Words(), nullable=False),
        sa.Column("settled_at", Instant(), nullable=True),
        sa.Column("verdict", Words(), nullable=True),
        sa.Column("reasons", PLAIN, nullable=False),
        sa.Column("rules", Words(), nullable=False),
        sa.Column("fact", sa.Integer(), nullable=True),
        sa.Column("visitor", Words(), nullable=True),
        sa.Column("forgotten_at", Instant(), nullable=True),
        sa.CheckConstraint("kind IN ('click', 'open', 'page')", name=op.f("ck_hits_kind_known")),
        sa.CheckConstraint(
            "verdict IS NULL OR verdict IN ('human', 'machine', 'unsure')", name=op.f("ck_hits_verdict_known")
        ),
        sa.ForeignKeyConstraint(
            ["prospect"], ["prospects.id"], name=op.f("fk_hits_prospect"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hits")),
    )
    op.create_index("ix_hits_message", "hits", ["prospect", "touch"])
    op.create_index("ix_hits_unsettled", "hits", ["at"], **where("settled_at IS NULL"))
    op.create_index(
        "ix_hits_rules", "hits", ["rules", "at"], **where("settled_at IS NOT NULL AND touch IS NOT NULL")
    )
    op.create_index(
        "ix_hits_agents", "hits", ["at"], **where("forgotten_at IS NULL AND settled_at IS NOT NULL")
    )
    op.create_index("ix_hits_strangers", "hits", ["at"], **where("prospect IS NULL"))
    op.create_index("ix_hits_network", "hits", ["network", "at"], **where("kind = 'click' AND network <> ''"))
    op.create_index(
        "ix_hits_visitor", "hits", ["visitor"], **where("visitor IS NOT NULL AND prospect IS NULL")
    )
    op.create_table(
        "visitors",
        sa.Column("visitor", Words(), nullable=False),
        sa.Column("prospect", sa.BigInteger(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["prospect"], ["prospects.id"], name=op.f("fk_visitors_prospect"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("visitor", name=op.f("pk_visitors")),
    )
    op.create_index(op.f("ix_visitors_prospect"), "visitors", ["prospect"])
    op.create_table(
        "returns",
        sa.Column("id", NUMBERED, autoincrement=True, nullable=False),
        sa.Column("channel", Words(), nullable=False),
        sa.Column("external_id", Words(), nullable=False),
        sa.Column("kind", Words(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("prospect", sa.BigInteger(), nullable=True),
        sa.Column("touch", sa.BigInteger(), nullable=True),
        sa.Column("bounce", Words(), nullable=False),
        sa.Column("status", Words(), nullable=False),
        sa.Column("words", Words(), nullable=False),
        sa.Column("text", Words(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("mail_due_at", Instant(), nullable=True),
        sa.Column("mail_attempts", sa.Integer(), nullable=False),
        sa.Column("mailed_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["prospect"], ["prospects.id"], name=op.f("fk_returns_prospect"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_returns")),
        sa.UniqueConstraint("channel", "external_id", name=op.f("uq_returns_channel_external_id")),
    )
    op.create_index(op.f("ix_returns_kind"), "returns", ["kind"])
    op.create_index(op.f("ix_returns_prospect"), "returns", ["prospect"])
    op.create_index("ix_returns_held", "returns", ["id"], **where("held"))
    op.create_index("ix_returns_unmailed", "returns", ["mail_due_at"], **where(UNMAILED))
    op.create_index(
        "ix_returns_unproven", "returns", ["prospect", "received_at"],
        **where("kind IN ('unsubscribed', 'complained')"),
    )  # fmt: skip
    op.create_table(
        "confirmations",
        sa.Column("id", NUMBERED, autoincrement=True, nullable=False),
        sa.Column("prospect", sa.BigInteger(), nullable=False),
        sa.Column("form", Words(), nullable=False),
        sa.Column("words", Words(), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("network", Words(), nullable=False),
        sa.Column("mail_due_at", Instant(), nullable=True),
        sa.Column("mail_attempts", sa.Integer(), nullable=False),
        sa.Column("mailed_at", Instant(), nullable=True),
        sa.Column("confirmed_at", Instant(), nullable=True),
        sa.Column("said", Words(), nullable=False),
        sa.ForeignKeyConstraint(
            ["prospect"], ["prospects.id"], name=op.f("fk_confirmations_prospect"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_confirmations")),
    )
    op.create_index(op.f("ix_confirmations_prospect"), "confirmations", ["prospect"])
    op.create_index("ix_confirmations_unmailed", "confirmations", ["mail_due_at"], **where(UNMAILED))
    op.create_table(
        "imported",
        sa.Column("prospect", sa.BigInteger(), nullable=False),
        sa.Column("said", PLAIN, nullable=False),
        sa.ForeignKeyConstraint(
            ["prospect"], ["prospects.id"], name=op.f("fk_imported_prospect"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("prospect", name=op.f("pk_imported")),
    )
    op.create_table(
        "touches",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("prospect", sa.BigInteger(), nullable=False),
        sa.Column("decision", sa.Integer(), nullable=False),
        sa.Column("piece", Words(), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("sequence", Words(), nullable=False),
        sa.Column("stage", Words(), nullable=False),
        sa.Column("programme", Words(), nullable=False),
        sa.Column("chosen_at", Instant(), nullable=False),
        sa.Column("opens", Instant(), nullable=False),
        sa.Column("closes", Instant(), nullable=False),
        sa.Column("expires", Instant(), nullable=False),
        sa.Column("zone", Words(), nullable=False),
        sa.Column("state", Words(), nullable=False),
        sa.Column("outcome", Words(), nullable=True),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("line", Words(), nullable=True),
        sa.Column("in_line_since", Instant(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("cancelled", sa.Boolean(), nullable=False),
        sa.Column("owner", Words(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("fenced_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("words", Words(), nullable=False),
        sa.Column("resent_at", Instant(), nullable=True),
        sa.Column("held_at", Instant(), nullable=True),
        sa.CheckConstraint(
            "(state = 'ended') = (ended_at IS NOT NULL)", name=op.f("ck_touches_ended_means_when")
        ),
        sa.CheckConstraint(
            "(state = 'ended') = (outcome IS NOT NULL)", name=op.f("ck_touches_ended_means_outcome")
        ),
        sa.CheckConstraint(
            "outcome IS NULL OR outcome IN ('sent', 'failed', 'suppressed', "
            "'cancelled', 'expired', 'in_doubt')",
            name=op.f("ck_touches_outcome_known"),
        ),
        sa.CheckConstraint(
            "state IN ('queued', 'claimed', 'fenced', 'deferred', 'ended')",
            name=op.f("ck_touches_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["prospect"], ["prospects.id"], name=op.f("fk_touches_prospect"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_touches")),
        sa.UniqueConstraint("prospect", "decision", name=op.f("uq_touches_prospect_decision")),
    )
    op.create_index("ix_touches_busy", "touches", ["state"], **where("state IN ('claimed', 'fenced')"))
    op.create_index("ix_touches_doubt", "touches", ["ended_at"], **where("outcome = 'in_doubt'"))
    op.create_index(
        "ix_touches_cancelled", "touches", ["id"], **where("cancelled AND state IN ('queued', 'deferred')")
    )
    op.create_index(
        "ix_touches_line",
        "touches",
        ["line", "in_line_since", "id"],
        **where("line IS NOT NULL AND state IN ('queued', 'deferred')"),
    )
    op.create_index("ix_touches_due", "touches", ["due_at", "id"], **where("state IN ('queued', 'deferred')"))
    op.create_index(
        "uq_touches_live",
        "touches",
        ["prospect"],
        unique=True,
        **where("state IN ('queued', 'claimed', 'fenced', 'deferred')"),
    )
    op.create_index(
        "uq_touches_occurrence",
        "touches",
        ["prospect", "piece", "occurrence"],
        unique=True,
        **where("state IN ('queued', 'claimed', 'fenced', 'deferred') OR outcome IN ('sent', 'in_doubt')"),
    )
