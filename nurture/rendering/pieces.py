"""A piece compiled once: checked whole, then four small templates and its links."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NamedTuple

from jinja2 import Template as Compiled
from selectolax.lexbor import LexborHTMLParser

from nurture.core.programme import Sender, Site
from nurture.rendering.document import Origin
from nurture.rendering.expressions import ANY, VALUE, Name, Roots
from nurture.rendering.links import UNSUBSCRIBE
from nurture.rendering.marks import Marks
from nurture.rendering.markup import as_comments, html_of_markdown
from nurture.rendering.press import Press
from nurture.rendering.problems import TemplateProblem, TemplateProblems
from nurture.rendering.sandbox import HTML, TEXT
from nurture.rendering.source import Source, Words

CLIPPED_FROM = 102 * 1024
"""Bytes of HTML from which a large receiver cuts a message short and hides its end."""

SENDER = ("name", "address", "company", "postal", "reply_to")
"""Fields of the sender that a text may name."""

_LINE: Roots = {
    "prospect": ANY,
    "sender": frozenset(SENDER),
    "site": frozenset({"url"}),
    "piece": frozenset({"title"}),
}
_BODY: Roots = {**_LINE, UNSUBSCRIBE: VALUE}
_DOCUMENT: Roots = {**_BODY, "subject": VALUE, "preheader": VALUE}
_LAYOUT: Roots = {**_DOCUMENT, "body": VALUE}
_BARE = "<!DOCTYPE html><html><head><meta charset='utf-8'></head><body>{{ body }}</body></html>"
_PREHEADER = "{{ preheader }}"
_UNSEEN = "display: none; max-height: 0; overflow: hidden; opacity: 0; mso-hide: all"
_REQUIRED = {
    "sender.postal": ("no postal address of the sender", "{{ sender.company }}, {{ sender.postal }}"),
    UNSUBSCRIBE: ("no link to unsubscribe", "Unsubscribe: {{ unsubscribe_url }}"),
}
"""What every message shows: what is said if it does not, and the line a text part gets by itself."""
_WHO = ("sender.company", "sender.name")


class Written(NamedTuple):
    """The four texts of a piece as Jinja is given them."""

    subject: str
    preheader: str
    html: str
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A piece ready to be rendered any number of times. The package's docstring says what the fields are.

    A template is only ever equal to itself, so it may be a key of what is kept of it.
    """

    path: str
    title: str
    sender: Sender
    site: Site
    subject: Compiled
    preheader: Compiled
    html: Compiled
    text: Compiled
    written: Written
    links: tuple[str, ...]
    uses: tuple[str, ...]
    names: tuple[Name, ...]
    mentions: tuple[str, ...]
    size: int
    warnings: tuple[TemplateProblem, ...]


def compile_piece(
    path: str,
    source: Source,
    *,
    subject: Words,
    preheader: Words,
    title: str,
    layout: str | None,
    layouts: Mapping[str, str],
    sender: Sender,
    site: Site,
) -> Template:
    """Read, check and compile one piece. Raises TemplateProblems with everything that is wrong with it."""
    frame = _frame(path, source, layout, layouts)
    body = Origin(path, Words(source.body_text, source.body_line))
    text_part = None if source.text_part is None else Origin(path, Words(source.text_part, source.text_line))
    origins = [origin for origin in (body, frame, text_part) if origin]
    own = [subject.text, preheader.text, _PREHEADER, *(line for _, line in _REQUIRED.values())]
    press = Press([origin.words.text for origin in origins] + own, _known(title, sender, site))
    press.problems += _blanks(path, subject, body, text_part)

    subject_line, _ = press.take(path, subject, _LINE)
    preheader_line, _ = press.take(path, preheader, _LINE)
    tree = press.document(_document(press, body, frame), origins)
    _show_preheader(press, tree, preheader)
    links = press.links(tree, origins)
    text = press.text(tree)
    press.problems += _missing_footer(press, tree, text, frame or body)
    if text_part is not None:
        text = links.number_in_text(_authored_text(press, text_part))
    press.problems += links.problems
    press.stop_if_wrong()

    texts = (subject_line, preheader_line, tree.html or "", text)
    written = Written(*(press.marks.restore(one) for one in texts))
    size = len(written.html.encode())
    return Template(
        path=path,
        title=title,
        sender=sender,
        site=site,
        subject=TEXT.from_string(written.subject),
        preheader=TEXT.from_string(written.preheader),
        html=HTML.from_string(written.html),
        text=TEXT.from_string(written.text),
        written=written,
        links=tuple(links.targets),
        uses=press.uses,
        names=press.names,
        mentions=tuple(sorted({name.attribute for name in press.names})),
        size=size,
        warnings=(*_warnings(body, size), *_branching(press.marks)),
    )


def _frame(path: str, source: Source, name: str | None, layouts: Mapping[str, str]) -> Origin | None:
    """The layout; for Markdown without one, the barest document there is; for HTML without one, None."""
    if name is None:
        return Origin(path, Words(_BARE)) if path.endswith(".md") else None
    if name in layouts:
        text = layouts[name].removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        return Origin(f"templates/layouts/{name}.html", Words(text))
    near = get_close_matches(name, layouts, 1)
    known = ", ".join(sorted(layouts)) or "none; write templates/layouts/plain.html"
    hint = f"did you mean `{near[0]}`?" if near else f"there is {known}"
    problem = TemplateProblem(path, source.front_line, 1, f"there is no layout `{name}`", hint)
    raise TemplateProblems((problem,))


def _known(title: str, sender: Sender, site: Site) -> dict[str, str]:
    """What is the same for every recipient, and so may stand in addresses."""
    fields = {f"sender.{name}": str(getattr(sender, name)) for name in SENDER}
    return {"site.url": site.url, "piece.title": title, **fields}


def _blanks(path: str, subject: Words, body: Origin, text_part: Origin | None) -> list[TemplateProblem]:
    """Parts that are there and say nothing."""
    parts = [(subject, "no subject", "write `subject:` in the front matter")]
    parts.append((body.words, "nothing below the front matter", "write what the piece says"))
    if text_part:
        parts.append((text_part.words, "an empty text part", "delete `--- text`, or write the text"))
    return [
        TemplateProblem(path, at.line, at.column, what, hint)
        for at, what, hint in parts
        if not at.text.strip()
    ]


def _document(press: Press, body: Origin, frame: Origin | None) -> str:
    """Body inside layout: one HTML text with marks."""
    text, _ = press.take(body.path, body.words, _BODY if frame else _DOCUMENT)
    if body.path.endswith(".md"):
        html, refused = html_of_markdown(body.path, body.words, text, press.marks)
        press.problems += refused
    else:
        html = as_comments(text, press.marks)
    if frame is None:
        return html
    around, reading = press.take(frame.path, frame.words, _LAYOUT)
    places = [word for word, name in reading.plain.items() if name == "body"]
    if len(places) != 1:
        what = "more than one place for the body" if places else "no place for the body"
        press.problems.append(
            TemplateProblem(frame.path, 1, 1, what, "write {{ body }} once, where the text goes")
        )
        return html
    return as_comments(around, press.marks).replace(places[0], html)


def _show_preheader(press: Press, tree: LexborHTMLParser, preheader: Words) -> None:
    """Put the preheader, unseen, at the top of the body, unless the layout has a place for it."""
    body = tree.body
    if body is None or not preheader.text.strip() or "preheader" in press.plain.values():
        return
    word, _ = press.take("", Words(_PREHEADER), _DOCUMENT)
    unseen = LexborHTMLParser(f'<div style="{_UNSEEN}">{word}</div>').css_first("div")
    first = body.first_child
    if unseen is not None and first is not None:
        first.insert_before(unseen)


def _missing_footer(press: Press, tree: LexborHTMLParser, text: str, where: Origin) -> list[TemplateProblem]:
    """Law and receivers ask for all of it, in sight and for everyone."""
    missing = [_REQUIRED[name] for name in _REQUIRED if not press.says_always(name, text)]
    if press.says_always("sender.postal", text) and not any(press.says_always(name, text) for name in _WHO):
        missing.append(("neither company nor name of the sender", "{{ sender.company }}"))
    if press.has_blank_link(UNSUBSCRIBE, tree):
        missing.append(("a link to unsubscribe without words", "Unsubscribe inside the link"))
    hint = "write {} where every reader sees it"
    return [
        TemplateProblem(where.path, where.words.line, 1, what, hint.format(line)) for what, line in missing
    ]


def _authored_text(press: Press, part: Origin) -> str:
    """The author's text part with marks; what every message must show is added where it is missing."""
    text, _ = press.take(part.path, part.words, _BODY)
    text = press.marks.without_lone_lines(text.strip())
    missing = [line for name, (_, line) in _REQUIRED.items() if not press.says_always(name, text)]
    if missing:
        footer, _ = press.take("", Words("\n".join(missing)), _BODY)
        text = f"{text}\n\n-- \n{footer}"
    return f"{text}\n"


def _branching(marks: Marks) -> tuple[TemplateProblem, ...]:
    """Where the text first takes a way that depends on the recipient: it cannot be taken apart."""
    ways = [mark for mark in marks.by_word.values() if mark.kind == "statement"]
    what = "the text branches, so each message is written anew: right, but slower"
    hint = 'a choice inside a value keeps it fast: {{ "this" if ... else "that" }}'
    return tuple(mark.problem(what, hint) for mark in ways[:1])


def _warnings(body: Origin, size: int) -> tuple[TemplateProblem, ...]:
    if size <= CLIPPED_FROM:
        return ()
    what = f"the HTML has {size / 1024:.0f} KB before values"
    hint = f"from {CLIPPED_FROM // 1024} KB on, large receivers hide the end with the footer: shorten it"
    return (TemplateProblem(body.path, body.words.line, 1, what, hint),)
