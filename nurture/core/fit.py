"""Fit: how well somebody matches the agreement, as an interval, because unknown is not bad.

low = matched weight / all weight, high = (matched + unknown) / all, in percent. Decisions use the grade
of the low end. Where the high end would give another grade, the unknown line of the largest weight is
the question worth asking. Source: docs/agreement.md, "Fit".
"""

from datetime import datetime
from typing import NamedTuple

from nurture.core.answers import FOREVER, Answer
from nurture.core.conditions import GRADES, Fit, ask, holds
from nurture.core.evidence import Evidence
from nurture.core.programme import Agreement, Criterion


class Judged(NamedTuple):
    """One line of fit, with its answer."""

    criterion: Criterion
    answer: Answer


def judge(evidence: Evidence, agreement: Agreement, now: datetime) -> tuple[Judged, ...]:
    """Every line of fit, answered."""
    return tuple(Judged(line, ask(line.when, evidence, now)) for line in agreement.criteria)


def fit(evidence: Evidence, agreement: Agreement, now: datetime) -> Fit:
    """The interval, the grades of its ends, what to ask, and until when this stands."""
    total = matched = unknown = 0.0
    question: Criterion | None = None
    until = FOREVER
    for line in agreement.criteria:
        matches, stands = holds(line.when, evidence, now)
        total += line.weight
        if matches:
            matched += line.weight
        elif matches is None:
            unknown += line.weight
            if question is None or line.weight > question.weight:
                question = line
        until = min(until, stands)
    low = 100.0 * matched / total if total else 0.0
    high = 100.0 * (matched + unknown) / total if total else 0.0
    grade = grade_of(low, agreement)
    best = grade if high == low else grade_of(high, agreement)
    return Fit(low, high, grade, best, question.name if question and grade != best else None, until)


def grade_of(percent: float, agreement: Agreement) -> str:
    """The best grade whose floor is reached; D where none is."""
    for grade in reversed(GRADES):
        if grade in agreement.grades and percent >= agreement.grades[grade] - 1e-9:
            return grade
    return GRADES[0]
