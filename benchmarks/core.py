"""What the pure core costs: `python benchmarks/core.py`.

Microseconds of one run on this machine, and the ratio to a yardstick of plain Python (a loop of 1,000
additions and multiplications), which travels between machines. Best of five rounds.
"""

import sys
import timeit
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from nurture.core import facts as f
from nurture.core.conditions import Where
from nurture.core.decide import decide, settle
from nurture.core.weighing import evolve, refold
from tests.core.build import DAY, GOOD, HOUR, START, Person, agreement, page, programme

ROUNDS = 5


def main() -> None:
    """Measure everything once, and print a table."""
    yardstick = best(plain_python)
    print(f"{'yardstick: 1,000 steps of plain Python':56}{yardstick:9.1f} us   1.00")
    for name, work in scenes().items():
        cost = best(work)
        print(f"{name:56}{cost:9.1f} us   {cost / yardstick:.2f}")


def scenes() -> dict[str, Callable[[], object]]:
    """What is measured, by name."""
    plan = programme()
    young, old = reader(3), reader(60)
    warm = waiting_for_a_date()
    at_night = START + 12 * HOUR
    view = f.Fact(1, old.journey.n + 1, old.now, old.now, "p1", page("/pricing"))
    late = view._replace(at=old.now - 20 * DAY)
    read = f.Fact(1, old.journey.n + 1, old.now, old.now, "p1", page("/m2"))
    learned = view._replace(body=f.Learned({"role": "director"}))
    taken_back = view._replace(body=f.Retracted(old.journey.n))
    sixty = old.facts[:60]
    on_its_way = reader(3)
    on_its_way.outcome = None
    on_its_way.wake()
    return {
        "evolve: a page view that is a signal": lambda: evolve(old.journey, view, plan),
        "evolve: the same, twenty days late": lambda: evolve(old.journey, late, plan),
        "evolve: a reading": lambda: evolve(old.journey, read, plan),
        "evolve: an attribute": lambda: evolve(old.journey, learned, plan),
        "evolve: a retraction": lambda: evolve(old.journey, taken_back, plan),
        f"refold: {len(sixty)} facts": lambda: refold(1, sixty, plan),
        "decide: sends, a young journey": lambda: decide(young.journey, plan, young.now),
        "decide: sends, a late journey": lambda: decide(old.journey, plan, old.now),
        "decide: above the threshold, no timing": lambda: decide(warm.journey, warm.plan, warm.now),
        "decide: gates closed": lambda: decide(young.journey, plan, at_night),
        "decide: a message on its way": lambda: decide(on_its_way.journey, plan, on_its_way.now),
        "settle: sends, then waits, a young journey": lambda: settle(young.journey, plan, young.now),
        "settle: sends, then waits, a late journey": lambda: settle(old.journey, plan, old.now),
    }


def reader(views: int) -> Person:
    """In a sequence for as many half days, a page each, mostly of no weight; a message is due."""
    begin = START - views * DAY / 2
    person = Person(programme(agreement=agreement(promote={})), now=begin).enter(GOOD)
    person.hear(f.Enrolled(1, "main"))
    for number in range(views):
        person.after(DAY / 2)
        person.hear(
            page(("/blog", "/pricing", "/vs/them", "/e1", "/blog/two")[number % 5]), at=person.now - 3 * DAY
        )
    person.now = START
    person.plan = programme()
    while (body := decide(person.journey, programme(), START).action) is not None:
        if isinstance(body, f.Chosen):
            return person
        person.hear(body)
        if isinstance(body, f.Promoted):
            person.hear(f.Answered(body.number, "rejected"))
    raise SystemExit("the benchmark's journey does not send")


def waiting_for_a_date() -> Person:
    """Enough points, a good fit, and nothing that says it is time."""
    rules = {"soon": Where("contract_end", known=True)}
    person = Person(programme(agreement=agreement(timing=rules))).enter(GOOD)
    for number in range(20):
        person.after(DAY / 2)
        person.hear(page(("/pricing", "/vs/them")[number % 2]))
        person.hear(f.Happened("webinar_attended"))
    person.wake()
    return person


def plain_python() -> int:
    """The yardstick."""
    total = 0
    for number in range(1000):
        total += number * 3
    return total


def best(work: Callable[[], object]) -> float:
    """Microseconds of one call: the best of some rounds of about a twentieth of a second."""
    timer = timeit.Timer(work)
    once = timer.timeit(20) / 20
    number = max(10, int(0.05 / once))
    return min(timer.repeat(ROUNDS, number)) / number * 1e6


if __name__ == "__main__":
    main()
