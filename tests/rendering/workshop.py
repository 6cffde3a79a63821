"""What the tests of rendering share: one sender, one layout, and short ways to compile and render."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from nurture.core.programme import Sender, Site
from nurture.rendering import (
    Rendered,
    Template,
    TemplateProblem,
    TemplateProblems,
    Words,
    compile_piece,
    render,
    split,
)

DATA = Path(__file__).parents[3] / "shared" / "data"
NO_DATA = "the shared test material is not beside this checkout"

SENDER = Sender("Ada Ray", "ada@acme.example", "Acme & Sons", "1 Mill Road, York")
SITE = Site("https://acme.example", ("acme.example",))
FOOTER = '<p>{{ sender.name }}, {{ sender.postal }}</p><p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>'
LAYOUT = (
    "<!DOCTYPE html>\n<html><head><title>{{ subject }}</title>"
    "<style>p { color: #222222 } @media (max-width: 480px) { p { color: #000000 } }</style></head>\n"
    f'<body><div class="page">\n{{{{ body }}}}\n{FOOTER}</div></body></html>'
)


def compiled(
    body: str,
    *,
    ext: str = "md",
    layout: str | None = LAYOUT,
    named: str = "plain",
    subject: str = "News",
    preheader: str = "",
) -> Template:
    """A piece whose whole file is `body`, in the layout `named`, of which there is only `plain`."""
    path = f"templates/early/piece.{ext}"
    return compile_piece(
        path,
        split(path, body),
        subject=Words(subject, 2, 10),
        preheader=Words(preheader, 3, 12),
        title="A piece",
        layout=None if layout is None else named,
        layouts={} if layout is None else {"plain": layout},
        sender=SENDER,
        site=SITE,
    )


def filled(template: Template, prospect: Mapping[str, Any] | None = None) -> Rendered:
    """The message for one prospect; link n goes to https://t.example/n."""
    return render(
        template,
        prospect or {},
        sender=SENDER,
        site=SITE,
        link=lambda number: f"https://t.example/c?n={number}&k=1",
        unsubscribe_url="https://t.example/u?t=abc&k=1",
    )


def problems(body: str, **how: Any) -> list[TemplateProblem]:
    """What is wrong with a piece; nothing if it compiles."""
    try:
        compiled(body, **how)
    except TemplateProblems as wrong:
        return list(wrong.problems)
    return []


def shape(html: str) -> list[tuple[str, tuple[str, ...]]]:
    """The elements of a document in order, with the names of their attributes."""
    root = LexborHTMLParser(html).root
    assert root is not None
    return [(node.tag or "", tuple(sorted(node.attributes))) for node in root.traverse()]


def visible(html: str) -> str:
    """What a person reads of a document."""
    body = LexborHTMLParser(html).body
    assert body is not None
    return " ".join(body.text(separator=" ").split())
