"""A piece taken apart once: what everybody reads, and the places of what differs.

`render` says what a message is. This is the same for pieces that take no way of their own for a recipient
(no `if`, no `for` as a statement): only the values are left to be written for each one. Where a message
could come out otherwise than `render` writes it, because a value is blank, long or holds a line break, `fill`
gives nothing, and `render` has to be asked.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import escape

from nurture.rendering.messages import LONGEST_MESSAGE, filled, for_everyone, of_prospect, one_line
from nurture.rendering.pieces import Template
from nurture.rendering.plaintext import tidy
from nurture.rendering.sandbox import HTML, TEXT, as_written

LONGEST_FILLING = 1_000
"""Characters of one filled-in value, escaped: so no message that is taken apart grows beyond all measure."""

_OPEN, _CLOSE = "\ue000", "\ue001"  # private use: neither space nor anything that is escaped
_PLACE = re.compile(f"{_OPEN}([0-9]+){_CLOSE}")

_Known = dict[str, Any]
_Saying = Callable[[_Known], str]
Runs = tuple[str | int, ...]
"""Text, and a number wherever something is filled in."""


@dataclass(frozen=True, slots=True)
class Filling:
    """What one recipient's message says where it differs: `values` are those of the places, in order."""

    subject: str
    values: list[str]


@dataclass(frozen=True, slots=True)
class Outline:
    """One piece: both parts, in HTML escaped, and the subject if everybody gets the same.

    Places below the `first` of `outline_of` are the caller's (see `place`), the others `Filling.values`.
    """

    text: Runs
    html: Runs
    subject: str | None
    _template: Template
    _everyone: _Known
    _lines: Mapping[str, _Saying]
    _in_text: tuple[_Saying, ...]
    _in_html: tuple[_Saying, ...]

    def fill(self, prospect: Mapping[str, Any], unsubscribe_url: str) -> Filling | None:
        """What this prospect's message says; None where only `render` can tell. Raises what `render` does."""
        known = {**self._everyone, "unsubscribe_url": unsubscribe_url}
        known["prospect"] = of_prospect(self._template, prospect)
        for name, line in self._lines.items():
            known[name] = one_line(line(known))
        subject: str = known["subject"]
        text, html = [say(known) for say in self._in_text], [say(known) for say in self._in_html]
        fits = 0 < len(subject) <= LONGEST_FILLING and all(map(_is_seen, text)) and all(map(_is_line, html))
        return Filling(subject, text + html) if fits else None


def place(number: int) -> str:
    """What stands for something the caller fills in: `link` and `unsubscribe_url` may hold it."""
    return f"{_OPEN}{number}{_CLOSE}"


def outline_of(
    template: Template, *, link: Callable[[int], str], unsubscribe_url: str, first: int
) -> Outline | None:
    """The piece taken apart; None where every message has to be rendered whole.

    `link` and `unsubscribe_url` as for `render`, holding places of numbers below `first`.
    """
    addresses = {f"link_{number}": link(number) for number in range(1, len(template.links) + 1)}
    taking = _Taking(template, {**addresses, "unsubscribe_url": unsubscribe_url})
    written = template.written
    try:
        subject = taking.line("subject", written.subject)
        taking.line("preheader", written.preheader)
        text, in_text = taking.part(written.text, TEXT, first)
        html, in_html = taking.part(written.html, HTML, first + len(in_text))
        return Outline(
            text=_runs(f"{tidy(text)}\n"),
            html=_runs(html),
            subject=subject,
            _template=template,
            _everyone=taking.everyone,
            _lines=taking.lines,
            _in_text=in_text,
            _in_html=in_html,
        )
    except _Whole:
        return None


class _Whole(Exception):
    """This piece cannot be taken apart."""


class _Taking:
    """One piece on its way: `everyone` are values that are the same for all, `lines` those that are not."""

    def __init__(self, template: Template, addresses: Mapping[str, str]) -> None:
        self.everyone = for_everyone(template, template.sender, template.site)
        self.addresses = addresses
        self.lines: dict[str, _Saying] = {}

    def line(self, name: str, code: str) -> str | None:
        """The subject or the preheader, if it is the same for everyone; from now on it is known."""
        runs = self._runs(code, TEXT)
        if all(isinstance(run, str) for run in runs):
            self.everyone[name] = line = one_line("".join(map(str, runs)))
            return line
        says = [_constant(run) if isinstance(run, str) else _saying(run, TEXT) for run in runs]
        self.lines[name] = lambda known: "".join([say(known) for say in says])
        return None

    def part(
        self, code: str, env: ImmutableSandboxedEnvironment, first: int
    ) -> tuple[str, tuple[_Saying, ...]]:
        """A part with places, each distinct value once, and what says those values."""
        numbers: dict[str, int] = {}
        sayings, out = list[_Saying](), list[str]()
        for run in self._runs(code, env):
            if isinstance(run, str):
                out.append(run)
                continue
            if repr(run) not in numbers:
                numbers[repr(run)] = first + len(numbers)
                sayings.append(_saying(run, env))
            out.append(place(numbers[repr(run)]))
        text = "".join(out)
        if "\r" in text or len(text) + text.count(_OPEN) * LONGEST_FILLING > LONGEST_MESSAGE:
            raise _Whole
        return text, tuple(sayings)

    def _runs(self, code: str, env: ImmutableSandboxedEnvironment) -> list[str | nodes.Expr]:
        """Text, with everything in it that is the same for all, and the expressions that are left."""
        outputs = env.parse(code).body
        if not all(isinstance(output, nodes.Output) for output in outputs):
            raise _Whole
        parts = (part for output in outputs if isinstance(output, nodes.Output) for part in output.nodes)
        return [self._settled(part, env) for part in parts]

    def _settled(self, node: nodes.Expr, env: ImmutableSandboxedEnvironment) -> str | nodes.Expr:
        if isinstance(node, nodes.Name) and node.name in self.addresses:
            address = self.addresses[node.name]
            return str(escape(address)) if env is HTML else address
        if isinstance(node, nodes.TemplateData):
            said = node.data
        else:
            names = {name.name for name in (*node.find_all(nodes.Name), node) if isinstance(name, nodes.Name)}
            if not names <= self.everyone.keys():
                return node
            said = _saying(node, env)(self.everyone)
        if _OPEN in said or _CLOSE in said:
            raise _Whole
        return said


def _saying(node: nodes.Expr, env: ImmutableSandboxedEnvironment) -> _Saying:
    """What says the value of an expression: Jinja itself, but for the commonest ones."""
    if isinstance(node, nodes.Name) and node.name in ("subject", "preheader"):
        return _named(node.name, html=env is HTML)
    attribute: nodes.Expr | None = node
    instead = None
    if isinstance(node, nodes.Filter) and node.name == "default" and isinstance(node.args[0], nodes.Const):
        attribute, instead = node.node, node.args[0].value
    if isinstance(attribute, nodes.Getattr) and isinstance(attribute.node, nodes.Name):
        needed = attribute is node
        if attribute.node.name == "prospect" and (needed or isinstance(instead, str)):
            return _plain(attribute.attr, instead, html=env is HTML)
    tree = nodes.Template([nodes.Output([node], lineno=1)], lineno=1).set_environment(env)
    assert isinstance(tree, nodes.Template)
    compiled = env.template_class.from_code(env, env.compile(tree), env.make_globals(None))
    return lambda known: filled(compiled, known)


def _plain(name: str, instead: str | None, *, html: bool) -> _Saying:
    """`prospect.name`, of which it is certain that it is there, or with a `default`."""

    def text(known: _Known) -> str:
        value = known["prospect"].get(name, instead)
        return value if type(value) is str else str(as_written(value))

    return (lambda known: str(escape(text(known)))) if html else text


def _named(name: str, *, html: bool) -> _Saying:
    return (lambda known: str(escape(known[name]))) if html else (lambda known: str(known[name]))


def _constant(text: str) -> _Saying:
    return lambda known: text


def _runs(text: str) -> Runs:
    """The text between its places. It ends with text: what comes behind has a line of its own."""
    found = _PLACE.split(text)
    if not found[-1]:
        raise _Whole
    return tuple(int(run) if number % 2 else run for number, run in enumerate(found) if run)


def _is_seen(value: str) -> bool:
    """Whether a value of the text part leaves the blank lines around it as they are."""
    return value != "" and value == value.strip() and _is_line(value)


def _is_line(value: str) -> bool:
    return len(value) <= LONGEST_FILLING and "\n" not in value and "\r" not in value
