"""Notes: mail that is no piece, as HTML and text, from two templates. Sales' packet, and the mail that asks
somebody whether a consent was theirs.

One variable, `packet` or `asked`, of nested plain data. It is trusted as little as a prospect. Links may hold
values after a literal beginning (`mailto:`, `https://host/`), and nobody counts clicks on them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import Template as Compiled

from nurture.rendering.document import Origin
from nurture.rendering.expressions import DEEP, Roots
from nurture.rendering.markup import as_comments
from nurture.rendering.messages import Rendered, filled, fit_one, one_line
from nurture.rendering.plaintext import tidy
from nurture.rendering.press import Press
from nurture.rendering.problems import CannotRender, TemplateProblem, UnfitValue
from nurture.rendering.source import Words

_LINK = "asked.link"
_SUBJECT = "Subject:"
_DEEPEST = 6
_LONGEST = 1_000  # a long journey has hundreds of lines


@dataclass(frozen=True, slots=True)
class PacketTemplate:
    """Ready to be filled with any packet; `variable` is what the templates call it."""

    subject: Compiled
    html: Compiled
    text: Compiled
    variable: str = "packet"


def compile_confirmation(html: str, text: str, *, path: str = "templates/mail/confirm") -> PacketTemplate:
    """The same for the mail that asks for a confirmation: its variable is `asked`, and both parts show
    `asked.link`, whoever gets it. Raises TemplateProblems.
    """
    return _compile(html, text, path, "asked")


def compile_packet(html: str, text: str, *, path: str = "templates/sales/packet") -> PacketTemplate:
    """Compile `<path>.html`, a whole document, and `<path>.txt`, whose first line is `Subject: ...`.

    Raises TemplateProblems.
    """
    return _compile(html, text, path, "packet")


def _compile(html: str, text: str, path: str, variable: str) -> PacketTemplate:
    roots: Roots = {variable: DEEP}
    document, first, rest = _origins(html, text, path)
    press = Press([html, text], {})
    if not first.words.text.strip():
        hint = f"begin the file with a line like {_SUBJECT} A lead for you"
        press.problems.append(TemplateProblem(first.path, 1, 1, "no subject", hint))
    subject, _ = press.take(first.path, first.words, roots)
    body, _ = press.take(rest.path, rest.words, roots)
    markup, _ = press.take(document.path, document.words, roots)
    tree = press.document(as_comments(markup, press.marks), [document])
    press.problems += press.links(tree, [document], values=True, own=_LINK).problems
    if variable == "asked":
        _must_lead_on(press, {rest.path: body, document.path: tree.html or ""})
    press.stop_if_wrong()
    text = press.marks.without_lone_lines(body)
    return PacketTemplate(
        press.text_template(subject), press.html_template(tree), press.text_template(text), variable
    )


def _must_lead_on(press: Press, parts: Mapping[str, str]) -> None:
    for path, words in parts.items():
        if not press.says_always(_LINK, words):
            hint = f"write {{{{ {_LINK} }}}} outside of any condition, in the HTML as the address of a link"
            press.problems.append(TemplateProblem(path, 1, 1, "no link to confirm with", hint))


def render_packet(template: PacketTemplate, packet: Mapping[str, Any]) -> Rendered:
    """The note for one packet. Raises MissingValue where the template names what the packet has not,
    UnfitValue where something in it cannot be written, CannotRender if no subject is left.
    """
    known = {template.variable: _fit(template.variable, packet, _DEEPEST)}
    subject = one_line(filled(template.subject, known))
    if not subject:
        raise CannotRender("nothing is left of the subject")
    return Rendered(subject, filled(template.html, known), tidy(filled(template.text, known)) + "\n")


def _origins(html: str, text: str, path: str) -> tuple[Origin, Origin, Origin]:
    """The document, the subject and the text below it."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    first, _, rest = lines.partition("\n")
    document = html.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not first.startswith(_SUBJECT):
        first, rest = "", lines
    subject = Words(first.removeprefix(_SUBJECT), 1, len(_SUBJECT) + 1)
    below = Words(rest, 2 if first else 1)
    return (
        Origin(f"{path}.html", Words(document)),
        Origin(f"{path}.txt", subject),
        Origin(f"{path}.txt", below),
    )


def _fit(name: str, value: Any, deeper: int) -> Any:
    """Nested plain data, each text one printable line; what is None is left out."""
    if isinstance(value, Mapping):
        if not deeper:
            raise UnfitValue(name, "is nested too deeply")
        entries = {str(key): _fit(f"{name}.{key}", entry, deeper - 1) for key, entry in value.items()}
        return {key: entry for key, entry in entries.items() if entry is not None}
    if isinstance(value, (list, tuple)):
        if not deeper or len(value) > _LONGEST:
            raise UnfitValue(name, "is nested too deeply" if not deeper else f"has {len(value):,} entries")
        listed = [_fit(name, entry, deeper - 1) for entry in value]
        return [entry for entry in listed if entry is not None]
    return fit_one(name, value)
