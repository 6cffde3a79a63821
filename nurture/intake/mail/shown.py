"""What HTML of a letter shows, as lines of text in which old mail keeps its marks.

Markup is cut and the tree walked with a stack of its own, so hostile markup costs bounded time.
"""

from selectolax.lexbor import LexborHTMLParser, LexborNode

LONGEST_MARKUP = 500_000
"""Characters of HTML that are looked at."""
MOST_TAGS = 10_000
"""The parser's time grows with the square of the depth: so many deep are a tenth of a second."""

_BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "center", "dd", "div", "dl", "dt", "footer", "form",
    "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p", "pre", "section", "table",
    "tbody", "tr", "ul",
))  # fmt: skip
_UNSEEN = frozenset(("script", "style", "head", "title", "template", "meta", "link"))
_OLD = ("gmail_quote", "yahoo_quoted", "protonmail_quote", "zmail_extra", "moz-forward-container")
_OLD_IDS = ("OLK_SRC_BODY_SECTION", "mail-editor-reference-message-container")
_OLD_BEGINS = ("divRplyFwdMsg", "appendonsend", "stopSpelling", "zwchr", "reply-intro")


def shown(markup: str) -> str:
    """What HTML shows, as lines. Quoted blocks get quote marks, old mail of known programs a line before."""
    bounded = "<".join(markup[:LONGEST_MARKUP].split("<", MOST_TAGS)[:MOST_TAGS])
    body = LexborHTMLParser(bounded).body
    out = _Lines()
    if body is not None:
        _show(body, out)
    return out.text()


class _Lines:
    """Text that grows by words and line ends."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.words: list[str] = []
        self.depth = 0

    def say(self, text: str) -> None:
        self.words.append(text)

    def end(self, *, always: bool = False) -> None:
        line = " ".join("".join(self.words).split())
        if line or always:
            self.lines.append("> " * min(self.depth, 9) + line)
        self.words = []

    def text(self) -> str:
        self.end()
        return "\n".join(self.lines)


def _show(root: LexborNode, out: _Lines) -> None:
    """Walk the tree with a stack of our own: depth cannot exhaust Python's."""
    waiting: list[tuple[LexborNode, bool]] = [(root, False)]
    while waiting:
        node, is_end = waiting.pop()
        tag = node.tag or ""
        if is_end:
            _leave(node, tag, out)
        elif tag == "-text":
            out.say(node.text_content or "")
        elif tag not in _UNSEEN and not tag.startswith(("-", "!", "_")):
            _enter(node, tag, out)
            waiting.append((node, True))
            child = node.last_child
            while child is not None:
                waiting.append((child, False))
                child = child.prev


def _enter(node: LexborNode, tag: str, out: _Lines) -> None:
    if tag in _BLOCKS:
        out.end()
    if _is_old(node, tag):
        out.end()
        out.depth += 1
    if tag == "br":
        out.end(always=True)
    elif tag == "hr" or (node.attributes.get("id") or "") in _OLD_BEGINS:
        out.lines.append("_" * 32)


def _leave(node: LexborNode, tag: str, out: _Lines) -> None:
    if tag in _BLOCKS or _is_old(node, tag):
        out.end()
    if _is_old(node, tag):
        out.depth -= 1
    if tag == "p":
        out.end(always=True)


def _is_old(node: LexborNode, tag: str) -> bool:
    """Whether it holds old mail."""
    if tag == "blockquote":
        return True
    if (node.attributes.get("id") or "") in _OLD_IDS:
        return True
    classes = (node.attributes.get("class") or "").split()
    return any(name in _OLD for name in classes)
