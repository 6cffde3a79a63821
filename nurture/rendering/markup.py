"""Markdown to HTML, the way a mail needs it.

Tables are on. HTML in Markdown is refused (a file that needs it is named .html), and so is indented code,
which nobody means in a mail. A line of statement tags alone is no paragraph; between list items or table
rows such lines leave the list or table whole, so `{% for %}` around a row or an item repeats that one.
A paragraph that is one link and nothing else has the class `action`, for the layout to make a button of.
"""

import re
from collections.abc import Callable
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token

from nurture.rendering.marks import Mark, Marks, place
from nurture.rendering.problems import TemplateProblem
from nurture.rendering.source import Words

_LISTS = {"bullet_list", "ordered_list"}


class _Markdown(MarkdownIt):
    """Every address becomes a link, so that the check of addresses, not silence, refuses a bad one."""

    def validateLink(self, url: str) -> bool:
        return bool(url)


def html_of_markdown(path: str, words: Words, text: str, marks: Marks) -> tuple[str, list[TemplateProblem]]:
    """The body as HTML, statement marks as comments. `text` is the text of `words` with its marks."""
    markdown = _Markdown("commonmark", {"html": True}).enable("table").disable("code")
    rule = _statement_line(marks)
    markdown.block.ruler.before("fence", "statements", rule, {"alt": ["paragraph", "reference"]})
    tokens = markdown.parse(text)
    problems = [_html_refused(path, words, tag) for tag in _html_in(tokens)]
    _join_lists(tokens)
    _lift_loops(tokens, marks.by_word)
    _mark_actions(tokens)
    html = markdown.renderer.render(tokens, markdown.options, {})
    return as_comments(_rows_as_comments(html, marks), marks), problems


def as_comments(html: str, marks: Marks) -> str:
    """Statement marks as HTML comments, which may stand between rows and items."""
    return marks.statements.sub(lambda found: f"<!--{found.group()}-->", html)


def _statement_line(marks: Marks) -> Callable[[StateBlock, int, int, bool], bool]:
    only_statements = re.compile(rf"(?:{marks.statements.pattern}\s*)+")

    def statement_line(state: StateBlock, start: int, _end: int, silent: bool) -> bool:
        line = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
        if not only_statements.fullmatch(line):
            return False
        if not silent:
            state.line = start + 1
            token = state.push("statements", "", 0)
            token.content = line.strip()
            follows = start > 0 and not state.isEmpty(start - 1)
            leads = start + 1 < state.lineMax and not state.isEmpty(start + 1)
            token.meta = {"statements": True, "follows": follows, "tight": follows and leads}
        return True

    return statement_line


def _html_in(tokens: list[Token]) -> list[str]:
    """Tags of HTML in the text; statement lines, which have tokens of their own kind, are made printable."""
    found = []
    for token in tokens:
        found += [child.content for child in token.children or () if child.type == "html_inline"]
        if _is_statement(token):
            token.type, token.content = "html_block", f"{token.content}\n"
        elif token.type == "html_block":
            found.append(token.content.strip().splitlines()[0])
    return found


def _html_refused(path: str, words: Words, tag: str) -> TemplateProblem:
    line, column = place(words, max(words.text.find(tag), 0))
    what = f"HTML in Markdown: {tag[:40]}"
    return TemplateProblem(path, line, column, what, "write it as Markdown, or name the file .html")


def _is_statement(token: Token) -> bool:
    return bool(token.meta.get("statements"))


def _join_lists(tokens: list[Token]) -> None:
    """Two lists with nothing but statement lines between them, and no blank line, were meant as one."""
    at = 0
    while at < len(tokens):
        end = at + 1
        while end < len(tokens) and tokens[end].meta.get("tight"):
            end += 1
        closes, kind = tokens[at], tokens[at].type.removesuffix("_close")
        if kind in _LISTS and end > at + 1 and end < len(tokens) and tokens[end].type == f"{kind}_open":
            for between in tokens[at + 1 : end]:
                between.level = closes.level + 1
            del tokens[end], tokens[at]
        at += 1


def _lift_loops(tokens: list[Token], by_word: dict[str, Mark]) -> None:
    """A loop around one list repeats the items, not the list; an end right after one belongs to its items."""
    for at, token in enumerate(tokens):
        kind = token.type.removesuffix("_open")
        if kind not in _LISTS or kind == token.type:
            continue
        close = _end_of_list(tokens, at)
        before = tokens[at - 1] if at else None
        after = tokens[close + 1] if close + 1 < len(tokens) else None
        if before and after and _opens(before, by_word) == "for" and _opens(after, by_word) == "endfor":
            tokens[at - 1], tokens[at] = tokens[at], tokens[at - 1]
            tokens[close], tokens[close + 1] = tokens[close + 1], tokens[close]
        elif after and after.meta.get("follows") and _still_open(tokens[at:close], token.level + 1, by_word):
            tokens[close], tokens[close + 1] = tokens[close + 1], tokens[close]
            after.level = token.level + 1


def _end_of_list(tokens: list[Token], at: int) -> int:
    kind = tokens[at].type.removesuffix("_open") + "_close"
    return next(
        i for i in range(at, len(tokens)) if tokens[i].type == kind and tokens[i].level == tokens[at].level
    )


def _still_open(tokens: list[Token], level: int, by_word: dict[str, Mark]) -> bool:
    """Whether a statement line among the items opens what none of them closes."""
    words = [_opens(token, by_word) for token in tokens if _is_statement(token) and token.level == level]
    return sum(word in ("if", "for") for word in words) > sum(word in ("endif", "endfor") for word in words)


def _opens(token: Token, by_word: dict[str, Mark]) -> str:
    """The keyword of a line of exactly one statement."""
    mark = by_word.get(token.content.strip()) if _is_statement(token) else None
    return mark.code.split(maxsplit=1)[0] if mark and mark.code else ""


def _mark_actions(tokens: list[Token]) -> None:
    for before, inline in pairwise(tokens):
        kinds = [child.type for child in inline.children or ()]
        alone = kinds[:1] == ["link_open"] and kinds[-1:] == ["link_close"] and kinds.count("link_open") == 1
        if before.type == "paragraph_open" and not before.hidden and alone:
            before.attrSet("class", "action")


def _rows_as_comments(html: str, marks: Marks) -> str:
    """A table row of statement marks alone is the place of those statements, not a row."""
    if "<table>" not in html:
        return html
    word = marks.statements.pattern
    row = re.compile(rf"<tr>\n<td[^>]*>((?:{word}\s*)+)</td>\n(?:<td[^>]*></td>\n)*</tr>\n")
    return row.sub(r"\1\n", html)
