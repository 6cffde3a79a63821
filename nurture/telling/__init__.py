"""Reasons, verdicts and journeys as words: one notation for command line, web, mail, tests and docs.

The core says why as data (a code and figures); only here it becomes a sentence.
"""

from nurture.telling.answer import Sum, Why, rounded, why
from nurture.telling.journeys import Line, show, tell
from nurture.telling.reasons import moment, words

__all__ = ["Line", "Sum", "Why", "moment", "rounded", "show", "tell", "why", "words"]
