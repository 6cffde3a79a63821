"""`python -m tests.machines [TRACES [SEED]]` draws traces of machines and people and prints what was said."""

import sys
from collections.abc import Iterable

from nurture.intake.tracking import HUMAN, MACHINE, UNSURE
from tests.machines.table import Row, share, tables


def main() -> None:
    """A table for each side, in Markdown."""
    asked = sys.argv[1:3]
    many, seed = map(int, [*asked, *("1500", "20261122")[len(asked) :]])
    machines, people = tables(many, seed)
    print(f"Traces made up from seed {seed}; weights and windows are those of before the first draw.\n")
    show("machines", machines)
    alike = sum(row.said[MACHINE] / row.all for row in machines) / len(machines)
    print(f"\nall of a trace called a machine's: {share(machines, MACHINE):.1%}")
    print(f"each behaviour as often as the others: {alike:.1%}\n")
    show("people", people)
    print(f"\nanything of a trace called a machine's: {share(people, MACHINE):.2%}")


def show(side: str, rows: Iterable[Row]) -> None:
    """One side."""
    print(f"| {side} | traces | machine | unsure | human |\n|---|--:|--:|--:|--:|")
    for row in rows:
        said = " | ".join(f"{row.said[verdict] / row.all:.1%}" for verdict in (MACHINE, UNSURE, HUMAN))
        print(f"| {row.behaviour.__name__.replace('_', ' ')} | {row.all} | {said} |")


if __name__ == "__main__":
    main()
