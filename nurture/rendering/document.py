"""The whole HTML document: layout around body, styles inlined, and every mark where a tag may stand."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import css_inline
from selectolax.lexbor import LexborHTMLParser, LexborNode

from nurture.rendering.marks import Mark, Marks, place
from nurture.rendering.problems import TemplateProblem
from nurture.rendering.source import Words

MOST_ELEMENTS = 5_000
DEEPEST_HTML = 100
READABLE_ATTRIBUTES = frozenset({"alt", "title", "aria-label"})
"""Attributes that may hold values; `href` and `src` are read with the links."""

_INLINER = css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True, keep_link_tags=True)
_FORBIDDEN = "script, iframe, frame, object, embed, applet, form, input, button, textarea, select, base, link"
_TAG = re.compile(
    r"<!--(?:-?>|(?>.*?--!?>|.*+))|<(/?)([a-zA-Z][^\s/>]*+)(?>\"[^\"]*+\"|'[^']*+'|[^\"'>])*+", re.DOTALL
)
_NEED_NO_END = re.compile(
    "area|br|col|embed|hr|img|input|link|meta|source|track|wbr|p|li|dt|dd|tr|td|th|thead|tbody|tfoot|option"
    "|colgroup|rt|rp|html|head|body"
)


@dataclass(frozen=True, slots=True)
class Origin:
    """An authored text and its file, to find the place of something that parsing left without one."""

    path: str
    words: Words

    def problem(self, needle: str, what: str, hint: str) -> TemplateProblem | None:
        """A problem where `needle` first stands; None if it stands nowhere."""
        found = re.search(needle, self.words.text, re.IGNORECASE)
        return TemplateProblem(self.path, *place(self.words, found.start()), what, hint) if found else None


def problem_in(origins: Sequence[Origin], needle: str, what: str, hint: str) -> TemplateProblem:
    """A problem where the pattern `needle` first stands; at the beginning of the first file if nowhere."""
    for origin in origins:
        if problem := origin.problem(needle, what, hint):
            return problem
    return TemplateProblem(origins[0].path, origins[0].words.line, 1, what, hint)


def nested_too_deep(origin: Origin) -> TemplateProblem | None:
    """Refuse what a parser should not have to bear: too many elements, or too many inside one another."""
    open_now: dict[str, int] = {}
    depth = 0
    for count, tag in enumerate(_TAG.finditer(origin.words.text)):
        name = (tag.group(2) or "").lower()
        if name and not _NEED_NO_END.fullmatch(name):
            step = (-1 if open_now.get(name) else 0) if tag.group(1) else 1
            open_now[name] = open_now.get(name, 0) + step
            depth += step
        if depth > DEEPEST_HTML or count >= MOST_ELEMENTS:
            many = f"more than {MOST_ELEMENTS:,} tags" if depth <= DEEPEST_HTML else None
            what = many or f"more than {DEEPEST_HTML} elements inside one another"
            where = place(origin.words, tag.start())
            return TemplateProblem(origin.path, *where, what, "close what is open, or make the piece simpler")
    return None


def inlined(html: str) -> str:
    """The document with its styles in `style` attributes; media queries stay where they are.

    Raises css_inline.InlineError if the styles cannot be read.
    """
    return _INLINER.inline(html)


def forbidden_elements(tree: LexborHTMLParser, origins: Sequence[Origin]) -> list[TemplateProblem]:
    """What mail programs throw away or distrust."""
    problems = []
    for name in sorted({node.tag or "" for node in tree.css(_FORBIDDEN)}):
        hint = (
            "styles belong into <style> in the layout"
            if name == "link"
            else "mail programs remove it: use a link"
        )
        problems.append(problem_in(origins, rf"<\s*{name}\b", f"<{name}> is not for messages", hint))
    for node in elements(tree):
        for attribute in node.attributes:
            if attribute.startswith("on"):
                what = f"the attribute {attribute} is not for messages"
                problems.append(problem_in(origins, rf"\b{re.escape(attribute)}\s*=", what, "delete it"))
    return problems


def elements(tree: LexborHTMLParser) -> Iterator[LexborNode]:
    """All elements in the order of the document."""
    root = tree.root
    if root is not None:
        yield from root.traverse()


def misplaced(tree: LexborHTMLParser, marks: Marks, expected: Sequence[str]) -> list[TemplateProblem]:
    """Marks that ended where no tag can stand, were lost, or were moved by the parser."""
    found, problems = list[str](), dict[str, TemplateProblem]()
    root = tree.root
    for node in root.traverse(include_text=True) if root is not None else ():
        for word, what in _marks_of(node, marks):
            found.append(word)
            if what and word in marks.by_word:
                mark = marks.by_word[word]
                problems[word] = mark.problem(f"{mark.tag[:60]} stands {what}", _place_instead(mark))
    seen = set(found)
    for word in expected:
        if word not in seen:
            mark = marks.by_word[word]
            what = f"{mark.tag[:60]} stands inside a tag, a style or another place without text"
            problems[word] = mark.problem(what, _place_instead(mark))
    if not problems and (moved := _first_moved(found, expected)):
        mark = marks.by_word[moved]
        what = f"{mark.tag[:60]} stands between the rows or cells of a table"
        problems[moved] = mark.problem(what, "put it inside <td>")
    return list(problems.values())


def torn_blocks(
    tree: LexborHTMLParser, marks: Marks, blocks: Sequence[tuple[Mark, ...]]
) -> list[TemplateProblem]:
    """Statements that open inside one element and go on in another."""
    parents = dict[str, LexborNode]()
    root = tree.root
    for node in root.traverse(include_text=True) if root is not None else ():
        if node.is_comment_node and node.parent is not None:
            parents |= dict.fromkeys(marks.words_in(node.comment_content or ""), node.parent)
    problems = []
    for first, *others in blocks:
        for other in others:
            one, two = parents.get(first.word), parents.get(other.word)
            if one is None or two is None or one.mem_id == two.mem_id:
                continue
            apart = "in another" if one.tag == two.tag else "inside"
            continued = f"{other.tag[:60]} in line {other.line} stands {apart} <{two.tag}>"
            hint = (
                "open and close it inside the same element: around rows inside <tbody>, "
                "in Markdown with a blank line before and after"
            )
            problems.append(
                first.problem(f"{first.tag[:60]} opens inside <{one.tag}>, but {continued}", hint)
            )
            break
    return problems


def _marks_of(node: LexborNode, marks: Marks) -> Iterator[tuple[str, str]]:
    """The marks in a node itself, each with what is wrong about its place, or nothing."""
    if node.is_comment_node:
        content = node.comment_content or ""
        words = marks.words_in(content)
        ours = len(words) == 1 and words[0] == content and marks.statements.fullmatch(content)
        yield from ((word, "" if ours else "inside a comment") for word in words)
    elif node.is_text_node:
        raw = node.parent is not None and node.parent.tag in ("style", "script")
        for word in marks.words_in(node.text_content or ""):
            statement = marks.statements.fullmatch(word)
            yield word, "inside a style" if raw else "where only text can stand" if statement else ""
    else:
        for attribute, value in node.attributes.items():
            for word in marks.words_in(value or ""):
                fits = attribute in READABLE_ATTRIBUTES and not marks.statements.fullmatch(word)
                links = attribute in ("href", "src")
                yield word, "" if fits or links else f"in the attribute {attribute}"


def _first_moved(found: list[str], expected: Sequence[str]) -> str | None:
    order = list(dict.fromkeys(word for word in found if word in set(expected)))
    return next((was for was, should in zip(order, expected, strict=False) if was != should), None)


def _place_instead(mark: Mark) -> str:
    if mark.kind == "statement":
        return "put it around whole elements, or between words"
    return "values stand in the text, or in the attributes alt and title"
