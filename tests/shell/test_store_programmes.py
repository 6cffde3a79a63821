"""One active programme: applied whole, refused where somebody would stand in nothing, everybody woken."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from nurture.authoring import Workspace, load, read_files
from nurture.core.journey import STATES
from nurture.errors import Mistake
from nurture.store import Store, enter_many, programmes
from nurture.store.tables import ENROLLMENTS, PROSPECTS, TOUCHES, touch_id

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
ASLEEP = {"wake_reason": "nothing to do"}


REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def example() -> Workspace:
    """The example programme of this repository."""
    loaded = load(read_files(REPOSITORY), today=NOW.date())
    assert loaded.workspace is not None, loaded.problems
    return loaded.workspace


def changed(
    example: Workspace,
    hash: str,
    *,
    sequences: Sequence[str] = ("s",),
    stages: tuple[str, ...] = ("early", "mid"),
    pieces: Sequence[str] = ("a", "b"),
) -> Workspace:
    """The example under another hash, with just these sequences, stages and pieces."""
    programme = example.programme
    return replace(
        example,
        hash=hash,
        programme=replace(
            programme,
            sequences=tuple(replace(programme.sequences[0], id=name) for name in sequences),
            stages=replace(programme.stages, order=stages),
            pieces={name: replace(next(iter(programme.pieces.values())), id=name) for name in pieces},
        ),
    )


def apply(store: Store, workspace: Workspace, now: datetime = NOW) -> bool:
    return store.write_now(lambda c: programmes.apply(c, workspace, now))


def test_the_first_programme(store: Store, example: Workspace) -> None:
    assert not store.read(programmes.is_any_active)
    with pytest.raises(Mistake, match="run `nurture apply`"):
        store.read(programmes.active)
    assert apply(store, example)
    assert store.read(programmes.is_any_active)
    assert store.read(programmes.active) == (example.hash, 0, {})
    stored = store.read(lambda c: programmes.text(c, example.hash))
    assert stored == example.files
    again = load(stored, today=NOW.date()).workspace
    assert again is not None
    assert again.hash == example.hash
    with pytest.raises(LookupError, match="p2"):
        store.read(lambda c: programmes.text(c, "p2"))


def test_programmes_follow_each_other_and_may_come_back(store: Store, example: Workspace) -> None:
    moments = [NOW + timedelta(days=i) for i in range(4)]
    hashes = ("p1", "p2", "p2", "p1")
    applied = [apply(store, changed(example, hash), at) for hash, at in zip(hashes, moments, strict=True)]
    assert applied == [True, True, False, True]
    assert store.read(programmes.activations) == [("p1", moments[0]), ("p2", moments[1]), ("p1", moments[3])]
    asked = [NOW - timedelta(seconds=1), *moments, LATER]
    found = [store.read(lambda c, at=at: programmes.active_at(c, at)) for at in asked]
    assert found == [None, "p1", "p2", "p2", "p1", "p1"]


def somebody(store: Store) -> None:
    """Two in a sequence, one of them with a message on its way; stages early and mid; one erased."""

    def work(connection: Connection) -> None:
        ids = enter_many(
            connection,
            [
                {"address": "a@d.example", "entered_at": NOW, "stage": "early", "lifecycle": "nurturing"},
                {"address": "b@d.example", "entered_at": NOW, "stage": "mid", "lifecycle": "nurturing"},
                {"address": "c@d.example", "entered_at": NOW, "stage": "gone-too", "lifecycle": "gone"},
            ],
        )
        a, b, _ = ids.values()
        rows = [{"prospect": id, "sequence": "s", "since": NOW} for id in (a, b)]
        connection.execute(insert(ENROLLMENTS), rows)
        touch = {
            "prospect": a, "piece": "a", "sequence": "s", "stage": "early", "programme": "p1",
            "chosen_at": NOW, "opens": NOW, "closes": NOW, "expires": LATER, "zone": "UTC", "due_at": NOW,
        }  # fmt: skip
        ended = {"state": "ended", "outcome": "sent", "ended_at": NOW, "piece": "old"}
        connection.execute(insert(TOUCHES).values(**touch | {"id": touch_id(a, 1), "decision": 1}))
        connection.execute(insert(TOUCHES).values(**touch | {"id": touch_id(a, 2), "decision": 2} | ended))

    store.write_now(work)


def test_what_is_in_use(store: Store) -> None:
    assert store.read(programmes.in_use) == ({}, {}, {})
    somebody(store)
    assert store.read(programmes.in_use) == ({"s": 2}, {"early": 1, "mid": 1}, {"a": 1})


@pytest.mark.parametrize(
    ("left", "sentence"),
    [
        ({"sequences": ["t"]}, r"the sequence s \(2 prospects are in it\)"),
        ({"stages": ("early", "late")}, r"the stage mid \(1 prospect is in it\)"),
        ({"pieces": ["b"]}, r"the piece a \(1 prospect is in it\)"),
    ],
)
def test_removing_what_somebody_is_in_is_refused(
    store: Store, example: Workspace, left: dict[str, Any], sentence: str
) -> None:
    apply(store, changed(example, "p1"))
    somebody(store)
    with pytest.raises(Mistake, match=sentence):
        apply(store, changed(example, "p2", **left))
    assert store.read(programmes.active).programme == "p1"
    assert store.read(programmes.activations) == [("p1", NOW)]
    with pytest.raises(LookupError):
        store.read(lambda c: programmes.text(c, "p2"))


def test_removing_what_nobody_is_in_is_fine(store: Store, example: Workspace) -> None:
    apply(store, changed(example, "p1", sequences=["s", "t"], stages=("early", "mid", "late")))
    somebody(store)
    assert apply(store, changed(example, "p2", pieces=["a"]))


@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_everybody_the_engine_looks_at_is_woken_a_few_at_a_time(
    store: Store, example: Workspace, limit: int
) -> None:
    before = (LATER, None, NOW - timedelta(hours=1))
    people = [
        {"address": f"{state}{i}@d.example", "entered_at": NOW, "lifecycle": state, "wake_at": at} | ASLEEP
        for state in STATES
        for i, at in enumerate(before)
    ]
    store.write_now(lambda c: enter_many(c, people))
    assert not store.write_now(lambda c: programmes.rewake(c, NOW, limit))
    apply(store, changed(example, "p1"))
    rounds = 1
    while store.write_now(lambda c: programmes.rewake(c, NOW, limit)):
        rounds += 1
    assert rounds == -(-12 // limit) + 1
    rows = store.read(lambda c: c.execute(select(PROSPECTS.c.address, PROSPECTS.c.wake_at)).all())
    woken = {"new", "nurturing", "resting", "promoted"}
    for address, wake_at in rows:
        state, kind = address.split("@")[0][:-1], int(address.split("@")[0][-1])
        assert wake_at == (NOW if state in woken and kind != 2 else before[kind])


def test_a_second_activation_begins_again(store: Store, example: Workspace) -> None:
    people = [{"address": f"{i}@d.example", "entered_at": NOW, "wake_at": LATER} for i in range(4)]
    store.write_now(lambda c: enter_many(c, people))
    apply(store, changed(example, "p1"))
    store.write_now(lambda c: programmes.rewake(c, NOW, 2))
    apply(store, changed(example, "p2"))
    while store.write_now(lambda c: programmes.rewake(c, NOW + timedelta(hours=1), 2)):
        pass
    rows = store.read(lambda c: c.scalars(select(PROSPECTS.c.wake_at).order_by(PROSPECTS.c.id)).all())
    assert rows == [NOW, NOW, NOW + timedelta(hours=1), NOW + timedelta(hours=1)]
