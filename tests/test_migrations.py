"""Migrations lead to the very schema that the tables declare, and the schema refuses what must not be."""

import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, insert, text, update
from sqlalchemy.exc import IntegrityError

from nurture.errors import Mistake
from nurture.store import Store, schema
from nurture.store.tables import (
    ACTIVE,
    BREAKERS,
    CONSENTS,
    FACTS,
    HANDOFFS,
    HITS,
    LIVE,
    OUTCOMES,
    PROGRAMMES,
    PROSPECTS,
    RETURNS,
    TOUCHES,
    Row,
    touch_id,
)

MIGRATIONS = Path(__file__).parent.parent / "migrations"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)

POSTGRES_SCHEMA = {
    "columns": """SELECT table_name, column_name, data_type, is_nullable, column_default
        FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2""",
    "constraints": """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2""",
    "triggers": """SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(pg_trigger.oid),
        pg_get_functiondef(tgfoid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2""",
    "indexes": """SELECT tablename, indexname, indexdef
        FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2""",
}


def whole_schema(engine: Engine) -> Any:
    """Everything the database says about its tables, checks and partial indexes, Alembic's own left out."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            return {
                what: [
                    tuple(row) for row in connection.execute(text(query)) if "alembic_version" not in row[0]
                ]
                for what, query in POSTGRES_SCHEMA.items()
            }
        rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
        return {name: _parts(sql) for name, sql in rows if name != "alembic_version"}


def _parts(sql: str) -> list[str]:
    """A statement without regard to spaces and to the order of the constraints in it."""
    return sorted(re.sub(r"\s+", " ", line).strip(' ,)"') for line in sql.replace('"', "").splitlines())


def test_the_migrated_schema_is_the_declared_one(
    request: pytest.FixtureRequest, database: str, tmp_path: Path
) -> None:
    declared = f"sqlite:///{tmp_path}/declared.db"
    if database.startswith("postgresql"):
        declared = request.getfixturevalue("empty_postgres")
    engines = create_engine(database), create_engine(declared)
    Row.metadata.create_all(engines[1])
    migrated, wanted = (whole_schema(engine) for engine in engines)
    for engine in engines:
        engine.dispose()
    assert migrated == wanted
    assert "touches" in str(wanted)
    assert "ended_means_outcome" in str(wanted)
    assert "uq_touches_live" in str(wanted)


def test_alembic_sees_no_difference(database: str) -> None:
    engine = create_engine(database)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Row.metadata) == []
    engine.dispose()


def test_versions(database: str, tmp_path: Path) -> None:
    newest = schema.head(MIGRATIONS)
    assert schema.current(database) == newest
    empty = f"sqlite:///{tmp_path}/empty.db"
    assert schema.current(empty) is None
    schema.upgrade(empty, MIGRATIONS)
    assert schema.current(empty) == newest


def test_a_database_of_a_newer_program_is_left_alone(database: str) -> None:
    with Store(database) as store:
        store.write_now(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(Mistake, match="version 9999, which this program does not know"):
        schema.upgrade(database, MIGRATIONS)


def test_an_upgrade_with_nothing_to_do_waits_for_nobody(sqlite_database: str) -> None:
    other = sqlite3.connect(sqlite_database.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    schema.upgrade(sqlite_database, MIGRATIONS)
    other.close()


def later_version(folder: Path, body: str) -> Path:
    """The migrations with one more, which does `body`."""
    copy = folder / "migrations"
    (copy / "versions").mkdir(parents=True)
    for file in ("env.py", "script.py.mako"):
        (copy / file).write_text((MIGRATIONS / file).read_text())
    for file in (MIGRATIONS / "versions").glob("*.py"):
        (copy / "versions" / file.name).write_text(file.read_text())
    (copy / "versions" / "9000_later.py").write_text(
        f"revision = '9000'\ndown_revision = '{schema.head(MIGRATIONS)}'\n"
        "branch_labels = depends_on = None\nimport sqlalchemy as sa\nfrom alembic import op\n\n"
        f"def upgrade():\n{indent(dedent(body), '    ')}"
    )
    return copy


def test_a_rebuilt_table_keeps_its_children(database: str, tmp_path: Path) -> None:
    """SQLite rebuilds `prospects` for a new CHECK; with foreign keys on, that would delete every fact."""
    with Store(database) as store:
        store.write_now(_prospect_with_a_fact)
    body = """
        with op.batch_alter_table("prospects") as table:
            table.create_check_constraint("new_one", "id > 0")
    """
    schema.upgrade(database, later_version(tmp_path, body))
    assert schema.current(database) == "9000"
    with Store(database) as store:
        assert store.read(lambda c: c.scalar(text("SELECT count(*) FROM facts"))) == 1
        with pytest.raises(IntegrityError):
            store.write_now(lambda c: c.execute(insert(PROSPECTS).values(**prospect(id=-1))))
        with pytest.raises(IntegrityError):
            store.write_now(lambda c: c.execute(insert(FACTS).values(**fact(prospect=99))))


def test_a_migration_that_fails_changes_nothing(database: str, tmp_path: Path) -> None:
    body = """
        op.add_column("prospects", sa.Column("half", sa.Integer))
        op.execute("INSERT INTO facts SELECT 1")
    """
    with pytest.raises(Exception, match="facts"):
        schema.upgrade(database, later_version(tmp_path, body))
    assert schema.current(database) == schema.head(MIGRATIONS)
    engine = create_engine(database)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Row.metadata) == []
    engine.dispose()


def test_a_migration_that_leaves_orphans_on_sqlite_is_undone(sqlite_database: str, tmp_path: Path) -> None:
    with Store(sqlite_database) as store:
        store.write_now(_prospect_with_a_fact)
    with pytest.raises(RuntimeError, match="rows without their parents"):
        schema.upgrade(sqlite_database, later_version(tmp_path, 'op.execute("DELETE FROM prospects")'))
    with Store(sqlite_database) as store:
        assert store.read(lambda c: c.scalar(text("SELECT count(*) FROM prospects"))) == 1


# Every invariant: rows that are right go in, and one thing changed is refused by the constraint named ----


def prospect(**changes: Any) -> dict[str, Any]:
    return {"id": 1, "address": "a@d.example", "entered_at": NOW, "wake_at": NOW} | changes


def fact(**changes: Any) -> dict[str, Any]:
    row = {"prospect": 1, "n": 1, "at": NOW, "known": NOW, "programme": "p", "kind": "Happened", "body": b""}
    return row | changes


def touch(decision: int = 1, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": touch_id(1, decision), "prospect": 1, "decision": decision, "piece": "early/a", "occurrence": 1,
        "sequence": "s", "stage": "early", "programme": "p", "chosen_at": NOW, "opens": NOW,
        "closes": NOW + timedelta(hours=1), "expires": NOW + timedelta(days=3), "zone": "UTC", "due_at": NOW,
    }  # fmt: skip
    return row | changes


def ended(decision: int, outcome: str, **changes: Any) -> dict[str, Any]:
    return touch(decision, state="ended", outcome=outcome, ended_at=NOW, **changes)


def handoff(**changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "prospect": 1, "decision": 1, "lane": "score", "grade": "A", "intent": 52.4, "programme": "p",
        "agreement": 3, "promoted_at": NOW, "due_at": NOW, "mail_due_at": NOW,
    }  # fmt: skip
    return row | changes


def hit(**changes: Any) -> dict[str, Any]:
    return {"prospect": 1, "kind": "click", "at": NOW} | changes


def returned(channel: str, id: str) -> dict[str, Any]:
    return {"channel": channel, "external_id": id, "kind": "other", "at": NOW, "received_at": NOW}


def breaker(**changes: Any) -> dict[str, Any]:
    return {
        "account": "mail", "receiver": "google", "kind": "deferrals", "state": "stopped", "reason": "421",
        "since": NOW,
    } | changes  # fmt: skip


def _prospect_with_a_fact(connection: Connection) -> None:
    connection.execute(insert(PROSPECTS).values(**prospect()))
    connection.execute(insert(FACTS).values(**fact()))


def consent(**other: Any) -> dict[str, Any]:
    row = {"prospect": 1, "kind": "given", "basis": "consent", "source": "fair", "way": "import"}
    return row | {"at": NOW, "known": NOW} | other


REFUSED: dict[str, tuple[Any, dict[str, Any], dict[str, Any] | None]] = {
    "uq_prospects_address": (PROSPECTS, prospect(id=2), None),
    "ck_prospects_wakes_or_says_why_not": (
        PROSPECTS,
        prospect(id=2, address="b@d.example", wake_at=None, wake_reason=""),
        prospect(id=2, address="b@d.example", wake_at=None, wake_reason="closed"),
    ),
    "ck_prospects_counts_facts": (
        PROSPECTS,
        prospect(id=2, address="b@d.example", n=1, folded=2),
        prospect(id=2, address="b@d.example", n=1, folded=1),
    ),
    "pk_facts": (FACTS, fact(), fact(n=2)),
    "ck_facts_counts_from_one": (FACTS, fact(n=0), None),
    "fk_facts_prospect": (FACTS, fact(prospect=99), None),
    "uq_facts_channel_external_id": (
        FACTS,
        fact(n=2, channel="crm", external_id="1"),
        fact(n=2, channel="web", external_id="1"),
    ),
    "uq_touches_prospect_decision": (TOUCHES, ended(1, "expired", id=99), ended(2, "expired")),
    "uq_touches_live": (TOUCHES, touch(2, piece="early/b"), ended(2, "sent", piece="early/b")),
    "uq_touches_occurrence": (TOUCHES, ended(2, "sent"), ended(2, "sent", occurrence=2)),
    "uq_touches_occurrence (in doubt)": (TOUCHES, ended(2, "in_doubt"), ended(2, "cancelled")),
    "ck_touches_state_known": (TOUCHES, touch(2, state="lost"), ended(2, "expired")),
    "ck_touches_outcome_known": (TOUCHES, ended(2, "vanished"), ended(2, "failed")),
    "ck_touches_ended_means_outcome": (TOUCHES, ended(2, "failed") | {"outcome": None}, None),
    "ck_touches_ended_means_when": (TOUCHES, ended(2, "failed") | {"ended_at": None}, None),
    "fk_touches_prospect": (TOUCHES, touch(2, prospect=99), None),
    "ck_hits_kind_known": (HITS, hit(kind="look"), hit(kind="open")),
    "ck_hits_verdict_known": (HITS, hit(verdict="robot"), hit(verdict="machine")),
    "uq_returns_channel_external_id": (
        RETURNS,
        returned("mailbox", "1"),
        returned("webhook:ses", "1"),
    ),
    "ck_breakers_state_known": (BREAKERS, breaker(state="open"), breaker(state="warned")),
    "ck_breakers_kind_known": (BREAKERS, breaker(kind="weather"), breaker(kind="account")),
    "ck_breakers_paused_means_until": (BREAKERS, breaker(state="paused"), breaker(state="paused", until=NOW)),
    "ck_handoffs_state_known": (HANDOFFS, handoff(state="forgotten"), handoff(state="recalled")),
    "uq_handoffs_prospect_decision": (HANDOFFS, handoff(decision=7), handoff(decision=8)),
    "ck_active_one_row": (ACTIVE, {"id": 2, "programme": "p"}, {"id": 1, "programme": "p"}),
    "fk_active_programme": (ACTIVE, {"programme": "q"}, None),
    "fk_consents_prospect": (
        CONSENTS,
        consent(prospect=99),
        consent(),
    ),
    "ck_consents_kind_known": (CONSENTS, consent(kind="hoped", basis=""), consent()),
    "ck_consents_given_means_basis": (CONSENTS, consent(basis=""), consent(kind="withdrawn", basis="")),
}
"""Constraint -> table, a row it refuses beside what is there, and one much like it that goes in."""


@pytest.mark.parametrize("name", REFUSED)
def test_the_schema_refuses(name: str, store: Store) -> None:
    table, wrong, right = REFUSED[name]

    def there(connection: Connection) -> None:
        connection.execute(insert(PROGRAMMES).values(hash="p", files={}, stored_at=NOW))
        connection.execute(insert(PROSPECTS).values(**prospect()))
        connection.execute(insert(FACTS).values(**fact(channel="crm", external_id="1")))
        connection.execute(insert(TOUCHES).values(**touch()))
        connection.execute(insert(HANDOFFS).values(**handoff(decision=7)))
        connection.execute(insert(RETURNS).values(**returned("mailbox", "1")))

    store.write_now(there)
    with pytest.raises(IntegrityError) as refused:
        store.write_now(lambda c: c.execute(insert(table).values(**wrong)))
    constraint = name.split(" ")[0]
    said = str(refused.value.orig)
    if store.database is None:
        assert constraint in said
    elif constraint.startswith("ck_"):
        assert said == f"CHECK constraint failed: {constraint}"
    elif constraint.startswith("fk_"):
        assert said == "FOREIGN KEY constraint failed"
    else:
        assert said.startswith(f"UNIQUE constraint failed: {table.name}.")
    if right is not None:
        store.write_now(lambda c: c.execute(insert(table).values(**right)))


def test_every_constraint_is_tried() -> None:
    named = {
        str(part.name)
        for table in Row.metadata.tables.values()
        for part in (*table.constraints, *table.indexes)
        if str(part.name).startswith(("ck_", "uq_"))
    }
    assert named == {name.split(" ")[0] for name in REFUSED if name.startswith(("ck_", "uq_"))}


@pytest.mark.parametrize("state", LIVE)
def test_every_live_state_counts_as_live(state: str, store: Store) -> None:
    def there(connection: Connection) -> None:
        connection.execute(insert(PROSPECTS).values(**prospect()))
        connection.execute(insert(TOUCHES).values(**touch(state=state)))

    store.write_now(there)
    with pytest.raises(IntegrityError, match=r"uq_touches_live|UNIQUE constraint failed: touches\.prospect"):
        store.write_now(lambda c: c.execute(insert(TOUCHES).values(**touch(2, piece="early/b"))))


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_what_has_ended_makes_room_for_the_next(outcome: str, store: Store) -> None:
    def there(connection: Connection) -> None:
        connection.execute(insert(PROSPECTS).values(**prospect()))
        connection.execute(insert(TOUCHES).values(**touch()))
        connection.execute(update(TOUCHES).values(state="ended", outcome=outcome, ended_at=NOW))

    again: Callable[[Connection], Any] = lambda c: c.execute(insert(TOUCHES).values(**touch(2)))  # noqa: E731
    store.write_now(there)
    if outcome in ("sent", "in_doubt"):
        with pytest.raises(IntegrityError):
            store.write_now(again)
    else:
        store.write_now(again)


def test_what_belongs_to_a_person_goes_with_the_person(store: Store) -> None:
    def there(connection: Connection) -> None:
        _prospect_with_a_fact(connection)
        connection.execute(insert(TOUCHES).values(**touch()))
        connection.execute(insert(HITS).values(**hit()))
        connection.execute(text("DELETE FROM prospects"))

    def left(connection: Connection) -> int:
        return sum(
            connection.scalar(text(f"SELECT count(*) FROM {name}")) or 0
            for name in ("facts", "touches", "hits")
        )

    store.write_now(there)
    assert store.read(left) == 0
