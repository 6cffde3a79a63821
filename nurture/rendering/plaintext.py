"""The text part, read from the finished HTML: what is visible, in order, every link with its target."""

import re
from collections.abc import Mapping
from itertools import zip_longest

from selectolax.lexbor import LexborNode

from nurture.rendering.marks import Marks

WIDEST_TABLE = 76

_HIDDEN = frozenset({"head", "style", "script", "title", "template", "noscript"})
_PARAGRAPHS = re.compile(
    "p|div|h[1-6]|ul|ol|dl|table|tr|td|th|blockquote|center|section|article|header|footer|main|address"
    "|figure|body"
)
_FRAMES = frozenset({"ul", "ol", "dl", "table", "thead", "tbody", "tfoot", "tr"})
"""Elements in which space between the others is no text."""
_LINES = frozenset({"li", "dt", "dd", "figcaption"})
_SPACES = re.compile(r"[ \t\r\n\f\u00a0]+")
_INVISIBLE = re.compile(r"[\u00ad\u200b\u200c\u2060\ufeff\u034f]")
_BLANK_LINES = re.compile(r"[ \t]*\n(?:[ \t]*\n)+")
_EDGES = re.compile(r"[ \t]+\n|\n {1}(?=\S)")
_RIGHT = re.compile(r"text-align\s*:\s*right", re.IGNORECASE)
_NOT_SHOWN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|opacity\s*:\s*0*\.?0*\s*(?:%|;|!|$)",
    re.IGNORECASE,
)


def text_of(body: LexborNode, marks: Marks) -> str:
    """The text of the element, with the marks of its tags and links still in it."""
    return tidy(_Reader(marks).children(body)) + "\n"


def tidy(text: str) -> str:
    """At most one blank line in a row, none at the ends. Cheap: it runs on every message."""
    return _BLANK_LINES.sub("\n\n", text).strip()


class _Reader:
    def __init__(self, marks: Marks) -> None:
        self._marks = marks
        self._alone = re.compile(rf"([^<>\n]+) <({marks.pattern.pattern})>")

    def children(self, node: LexborNode) -> str:
        """What the children of an element say."""
        return _EDGES.sub("\n", "".join(self._said(child) for child in node.iter(include_text=True)))

    def _said(self, node: LexborNode) -> str:
        if node.is_comment_node:
            content = node.comment_content or ""
            return content if self._marks.statements.fullmatch(content) else ""
        if node.is_text_node:
            said = _SPACES.sub(" ", _INVISIBLE.sub("", node.text_content or ""))
            return "" if said == " " and node.parent is not None and node.parent.tag in _FRAMES else said
        tag, attributes = node.tag or "", node.attributes
        if tag in _HIDDEN or "hidden" in attributes or _NOT_SHOWN.search(attributes.get("style") or ""):
            return ""
        return self._element(node, tag, attributes)

    def _element(self, node: LexborNode, tag: str, attributes: Mapping[str, str | None]) -> str:
        if tag == "br":
            return "\n"
        if tag == "hr":
            return "\n\n---\n\n"
        if tag == "img":
            return attributes.get("alt") or ""
        if tag == "a":
            return self._link(node, (attributes.get("href") or "").strip())
        if tag == "pre":
            return f"\n\n{self._as_it_stands(node)}\n\n"
        if tag == "table" and (grid := self._grid(node)):
            return f"\n\n{grid}\n\n"
        if tag == "tr" and _is_data(node):
            return "\n" + self._row(node)
        inside = self.children(node)
        if tag == "blockquote":
            lines = (self._quoted(line) for line in tidy(inside).split("\n"))
            return "\n\n" + "\n".join(lines) + "\n\n"
        if tag in _LINES:
            return f"\n{_bullet(node)}{tidy(inside)}".replace("\n", "\n  ").replace("\n  ", "\n", 1)
        if tag in ("ul", "ol") and node.parent is not None and node.parent.tag == "li":
            return inside
        return f"\n\n{self._with_link_below(inside)}\n\n" if _PARAGRAPHS.fullmatch(tag) else inside

    def _quoted(self, line: str) -> str:
        return line if self._marks.statements.fullmatch(line) else f"> {line}".rstrip()

    def _as_it_stands(self, node: LexborNode) -> str:
        said = []
        for inner in node.traverse(include_text=True):
            said.append(inner.text_content or "" if inner.is_text_node else "")
            said.append(self._said(inner) if inner.is_comment_node else "")
        return "".join(said)

    def _link(self, node: LexborNode, address: str) -> str:
        label = tidy(self.children(node))
        bare = address.removeprefix("mailto:").removeprefix("tel:")
        if address.startswith("#") or not address:
            return label
        if not label or label in (address, bare):
            return bare
        if re.match(r"https?://", label) and not label.strip().count(" "):
            return address
        return f"{label} <{bare}>"

    def _with_link_below(self, inside: str) -> str:
        """A paragraph that is one link: the address on a line of its own."""
        found = self._alone.fullmatch(inside.strip())
        if not found:
            return inside
        label, address = found.groups()
        return f"{label}{'' if label[-1] in '.:?!' else ':'}\n{address}"

    def _grid(self, table: LexborNode) -> str:
        """A table of data in columns, where it fits and is the same for everyone; else nothing."""
        rows = table.css("tr")
        if not rows or not all(_is_data(row) for row in rows) or self._marks.pattern.search(table.html or ""):
            return ""
        cells = [[cell for cell in row.iter() if cell.tag in ("td", "th")] for row in rows]
        said = [[tidy(self.children(cell)).replace("\n", " ") for cell in row] for row in cells]
        widths = [max(map(len, column)) for column in zip_longest(*said, fillvalue="")]
        if sum(widths) + 2 * len(widths) > WIDEST_TABLE:
            return ""
        lines = []
        for row, texts in zip(cells, said, strict=True):
            places = zip(row, texts, widths, strict=False)
            lines.append("  ".join(_aligned(cell, text, width) for cell, text, width in places).rstrip())
        return "\n".join(lines)

    def _row(self, node: LexborNode) -> str:
        said = []
        for child in node.iter(include_text=True):
            if child.tag in ("td", "th"):
                said.append(f"{tidy(self.children(child))} | ".replace("\n", " "))
            elif child.is_comment_node:
                said.append(self._said(child))
        return "".join(said).rstrip(" |")


def _aligned(cell: LexborNode, text: str, width: int) -> str:
    to_the_right = _RIGHT.search(cell.attributes.get("style") or "")
    return text.rjust(width) if to_the_right else text.ljust(width)


def _is_data(row: LexborNode) -> bool:
    """Whether the row belongs to a table of data, which has headings of its own, and not to one of layout."""
    table = _table_of(row)
    if table is None or table.attributes.get("role") == "presentation":
        return False
    owners = (_table_of(heading) for heading in table.css("th"))
    return any(owner is not None and owner.mem_id == table.mem_id for owner in owners)


def _table_of(node: LexborNode) -> LexborNode | None:
    table = node.parent
    while table is not None and table.tag != "table":
        table = table.parent
    return table


def _bullet(item: LexborNode) -> str:
    """What stands before a list item: its number, unless a loop repeats it."""
    listed = item.parent
    if item.tag != "li" or listed is None:
        return ""
    if listed.tag != "ol" or any(child.is_comment_node for child in listed.iter(include_text=True)):
        return "- "
    before, number = item.prev, 1
    while before is not None:
        number += before.tag == "li"
        before = before.prev
    return f"{number}. "
