"""Traces judged by the real rules, and counted by behaviour."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from nurture.intake.neighbours import Stranger
from nurture.intake.networks import NO_NETWORKS
from nurture.intake.tracking import HUMAN, MACHINE, UNSURE, Around, Judgement, classify
from tests.machines.behaviours import ACCEPTED, MACHINES, PEOPLE, Behaviour, Trace, draw


class Row(NamedTuple):
    """One behaviour: how many of its traces were called what."""

    behaviour: Behaviour
    said: Counter[str]

    @property
    def all(self) -> int:
        """How many traces there were."""
        return self.said.total()


def verdicts(trace: Trace) -> list[str]:
    """What was said of the requests that the behaviour is about."""
    return [one.verdict for one in judgements(trace)]


def judgements(trace: Trace) -> list[Judgement]:
    """The same, with reasons."""
    said: list[Judgement] = []
    for message in {hit.message for hit in trace.hits}:
        mine = [hit for hit in trace.hits if hit.message == message]
        strangers: dict[str, list[Stranger]] = {}
        for hit in trace.hits:
            if hit.message != message and hit.request.kind == "click":
                strangers.setdefault(hit.request.network, []).append(Stranger(hit.request.at, hit.message))
        around = Around(
            NO_NETWORKS, {network: sorted(each) for network, each in strangers.items() if network}
        )
        judged = classify([hit.request for hit in mine], ACCEPTED, trace.links, around)
        said += [one for hit, one in zip(mine, judged, strict=True) if hit.subject]
    return said


def of_a_machine(said: Iterable[str]) -> str:
    """A machine's trace is only recognised if all of it is; one request taken for a person's spoils it."""
    said = set(said)
    return HUMAN if HUMAN in said else UNSURE if UNSURE in said else MACHINE


def of_a_person(said: Iterable[str]) -> str:
    """A person's trace is only recognised if nothing of it is called a machine's."""
    said = set(said)
    return MACHINE if MACHINE in said else UNSURE if UNSURE in said else HUMAN


def tables(many: int, seed: int) -> tuple[list[Row], list[Row]]:
    """So many traces of machines and of people, judged; a row for each behaviour."""
    machines = {behaviour: Row(behaviour, Counter()) for behaviour in MACHINES}
    for behaviour, trace in draw(MACHINES, many, seed):
        machines[behaviour].said[of_a_machine(verdicts(trace))] += 1
    people = {behaviour: Row(behaviour, Counter()) for behaviour in PEOPLE}
    for behaviour, trace in draw(PEOPLE, many, seed):
        people[behaviour].said[of_a_person(verdicts(trace))] += 1
    return list(machines.values()), list(people.values())


def share(rows: Iterable[Row], verdict: str) -> float:
    """Of all traces, how many were called this."""
    rows = list(rows)
    return sum(row.said[verdict] for row in rows) / sum(row.all for row in rows)
