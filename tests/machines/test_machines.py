"""Machines are told from people: rules that were frozen, against traces drawn afterwards from seeds."""

import ast
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import Connection

from nurture.engine.settling import settle_hits
from nurture.intake.tracking import HUMAN, MACHINE, RULES, UNSURE
from nurture.store import Store
from nurture.store.hits import Seen, keep_hit
from tests.machines.behaviours import ACCEPTED, MACHINES, PEOPLE, Trace, draw, one_late_look, sandbox
from tests.machines.table import Row, judgements, share, tables
from tests.shell.engine_world import HOUR, START, World

INTAKE = Path(__file__).parents[2] / "nurture" / "intake"
FROZEN = "2cb223dcbf2e5436"
"""What the rules were when the first trace was drawn. Who changes a rule raises `tracking.EDITION`, puts
the new fingerprint here, and draws from seeds that the change was not made for."""

SEED = 20261122
NOT_TOLD_APART = {sandbox, one_late_look}
"""Real browsers that take their time: said to be people, and named in docs/hits.md."""


def code(*names: str) -> str:
    """A fingerprint of what modules do: comments and texts about them may change."""
    found = []
    for name in names:
        tree = ast.parse((INTAKE / f"{name}.py").read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list):
                node.body = [one for one in body if not _is_text(one)]  # type: ignore[attr-defined]
        found.append(ast.dump(tree))
    return sha256("\n".join(found).encode()).hexdigest()[:16]


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def test_the_rules_are_those_that_stood_before_the_traces_were_drawn() -> None:
    assert code("agents", "neighbours", "networks", "tracking") == FROZEN


@pytest.fixture(scope="module")
def drawn() -> tuple[list[Row], list[Row]]:
    return tables(1_000, SEED)


def test_there_are_ten_of_each_and_a_thousand_traces_a_side(drawn: tuple[list[Row], list[Row]]) -> None:
    for rows in drawn:
        assert len(rows) >= 10
        assert sum(row.all for row in rows) >= 990
        assert all(row.all for row in rows)


def test_of_a_hundred_machines_ninety_five_are_recognised(
    drawn: tuple[list[Row], list[Row]],
) -> None:
    machines, _ = drawn
    assert share(machines, MACHINE) >= 0.95, "those that cannot be told apart included"
    known = [row for row in machines if row.behaviour not in NOT_TOLD_APART]
    assert share(known, HUMAN) <= 0.03, "a message with one link or two hides some"


def test_of_a_hundred_people_at_most_one_is_called_a_machine(drawn: tuple[list[Row], list[Row]]) -> None:
    _, people = drawn
    assert share(people, MACHINE) <= 0.01
    assert share(people, UNSURE) <= 0.03
    office = next(row for row in people if row.behaviour.__name__ == "office")
    assert office.said[HUMAN] == office.all


def test_what_cannot_be_told_apart_is_in_the_table(drawn: tuple[list[Row], list[Row]]) -> None:
    """If one of these is recognised one day, docs/hits.md says too little of us."""
    machines, _ = drawn
    assert {row.behaviour for row in machines if not row.said[MACHINE]} == NOT_TOLD_APART


def test_most_rules_speak_somewhere() -> None:
    """A rule that nothing in the traces wakes up is not tried by them."""
    spoke = {
        reason
        for side in (MACHINES, PEOPLE)
        for _, trace in draw(side, 400, SEED)
        for one in judgements(trace)
        for reason in one.reasons
    }
    untried = {rule.name for rule in RULES} - spoke
    assert untried <= {"network of machines", "more than 60 a minute", "followed from elsewhere"}, (
        "these have tests of their own"
    )


class Street:
    """One trace after another played through the store: every message to somebody of their own."""

    def __init__(self, store: Store) -> None:
        self.store, self.world, self.played = store, World(store), 0

    def play(self, trace: Trace) -> list[int]:
        """Whom the messages of a trace went to, once everything has settled and everybody was woken."""
        self.played += 1
        people = {}
        for message in sorted({hit.message for hit in trace.hits}):
            people[message] = self.world.enter(f"p{self.played}x{message}")
        self.world.wake_all(START)
        for prospect in people.values():
            self.world.sent(prospect, START)
        self.world.wake_all(START)
        self.before = {prospect: self.state(prospect) for prospect in people.values()}
        self.store.write_now(lambda c: self._keep(c, trace, people))
        now = START + 120 * HOUR
        while self.store.write_now(
            lambda c: settle_hits(c, now, self.world.programme.hash, lambda *_: trace.links)
        ).messages:
            pass
        return list(people.values())

    def state(self, prospect: int) -> tuple[object, ...]:
        """All that a hit might move."""
        row, journey = self.world.row(prospect), self.world.journey(prospect)
        return row.n, row.wake_at, row.lifecycle, journey, tuple(self.world.told(prospect))

    def _keep(self, connection: Connection, trace: Trace, people: dict[int, int]) -> None:
        for hit in trace.hits:
            (touch, *_) = self.world.touches(people[hit.message])
            one = hit.request
            at = one.at - ACCEPTED + START
            seen = Seen(one.kind, f"https://www.matchlight.example/{one.link}", at, one.link, one.method,
                        one.agent, one.network, one.prefetch, manner=one.manner)  # fmt: skip
            assert keep_hit(connection, touch.id, seen)


def test_no_machine_moves_anybody(store: Store) -> None:
    """Through the real store: what is recognised leaves facts, wake-ups, stages and scores as they were."""
    street, played = Street(store), 0
    for behaviour, trace in draw(MACHINES, 34, SEED + 1):
        if behaviour in NOT_TOLD_APART or trace.links < 3:
            continue
        for prospect in street.play(trace):
            assert street.state(prospect) == street.before[prospect], behaviour.__name__
        played += 1
    assert played > 20


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_people_do(store: Store) -> None:
    """But for somebody who opens all three links of a message at once: nobody knows who that was."""
    street, moved = Street(store), []
    for behaviour, trace in draw(PEOPLE, 14, SEED + 1):
        people = street.play(trace)
        moved += [behaviour.__name__ for one in people if street.state(one)[0] > street.before[one][0]]  # type: ignore[operator]
    assert {behaviour.__name__ for behaviour in PEOPLE} - set(moved) <= {"impatient"}
