"""Compiling the texts of pieces and packets, with the rendering package's problems as ours."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from nurture import rendering
from nurture.authoring.names import Names
from nurture.authoring.piece_file import NO_LAYOUT, PieceFile
from nurture.authoring.problems import Problem, nearest, shown
from nurture.core.programme import Sender, Site

_MUST_SAY = {
    "unsubscribe_url": (
        re.compile(r"\{\{[^}]*\bunsubscribe_url\b"),
        "does not offer to unsubscribe",
        'add <a href="{{ unsubscribe_url }}">Unsubscribe</a>',
    ),
    "postal": (
        re.compile(r"\{\{[^}]*\bsender\s*(?:\.\s*postal|\[\s*['\"]postal['\"]\s*\])"),
        "does not say our postal address",
        "add {{ sender.postal }}",
    ),
}


def check_layout(file: str, text: str) -> Iterable[Problem]:
    """What law and large receivers ask of every message."""
    for pattern, what, hint in _MUST_SAY.values():
        if not pattern.search(text):
            yield Problem(file, 1, 1, "", what, hint)
