"""From an authored document with tags to one that can be filled in: the part pieces and packets share."""

from collections.abc import Mapping, Sequence

import css_inline
from jinja2 import Template as Compiled
from selectolax.lexbor import LexborHTMLParser

from nurture.rendering import document
from nurture.rendering.document import Origin
from nurture.rendering.expressions import Name, Reading, Roots
from nurture.rendering.grammar import read_tags
from nurture.rendering.links import UNSUBSCRIBE, Links
from nurture.rendering.marks import Mark, Marks
from nurture.rendering.plaintext import text_of
from nurture.rendering.problems import TemplateProblem, TemplateProblems
from nurture.rendering.sandbox import HTML, TEXT
from nurture.rendering.source import Words


class Press:
    """One template on its way. What is wrong gathers in `problems` until `stop_if_wrong`.

    `texts` are all authored texts that will be taken, `known` the values that are the same for everyone.
    """

    def __init__(self, texts: Sequence[str], known: Mapping[str, str]) -> None:
        self.marks = Marks(texts)
        self.known = known
        self.problems: list[TemplateProblem] = []
        self.plain: dict[str, str] = {}
        self._always: set[str] = set()
        self._uses: set[str] = set()
        self._names: set[Name] = set()
        self._blocks: list[tuple[Mark, ...]] = []

    def take(self, path: str, words: Words, roots: Roots) -> tuple[str, Reading]:
        """A text with marks for its tags, checked. An unreadable one ends everything."""
        text, marks = self.marks.swap(path, words)
        reading = read_tags(marks, roots)
        self.problems += reading.problems
        if self.marks.problems:
            self.problems += self.marks.problems
            self.stop_if_wrong()
        self.plain |= reading.plain
        self._always |= reading.always
        self._uses |= reading.uses
        self._names |= set(reading.names)
        self._blocks += reading.blocks
        return text, reading

    def document(self, html: str, origins: Sequence[Origin]) -> LexborHTMLParser:
        """The parsed document, styles inlined, with every tag where one may stand."""
        if too_deep := self._too_deep(html, origins):
            self.problems.append(too_deep)
            self.stop_if_wrong()
        try:
            tree = LexborHTMLParser(document.inlined(html))
        except css_inline.InlineError as error:
            hint = "correct the rules inside <style>"
            what = f"the styles cannot be read: {error}"
            self.problems.append(document.problem_in(origins, "<style", what, hint))
            self.stop_if_wrong()
            raise
        self.problems += document.forbidden_elements(tree, origins)
        self.problems += document.misplaced(tree, self.marks, self.marks.words_in(html))
        self.problems += document.torn_blocks(tree, self.marks, self._blocks)
        return tree

    def links(
        self,
        tree: LexborHTMLParser,
        origins: Sequence[Origin],
        *,
        values: bool = False,
        own: str = UNSUBSCRIBE,
    ) -> Links:
        """The document's links, numbered. Their problems are added by whoever has read all texts."""
        links = Links(self.marks, self.plain, self.known, origins, values=values, own=own)
        links.number(tree)
        return links

    def text(self, tree: LexborHTMLParser) -> str:
        """What the document says, as text with marks."""
        return text_of(tree.body, self.marks) if tree.body is not None else ""

    def says_always(self, name: str, text: str) -> bool:
        """Whether the plain value `name` stands in the text for every recipient."""
        words = self.marks.words_in(text)
        return any(self.plain.get(word) == name and word in self._always for word in words)

    def has_blank_link(self, name: str, tree: LexborHTMLParser) -> bool:
        """Whether some link to the plain value `name` shows nothing that could be clicked."""
        return any(
            self.plain.get(word) == name and not text_of(link, self.marks).strip()
            for link in tree.css("a[href]")
            for word in self.marks.words_in(link.attributes.get("href") or "")
        )

    def html_template(self, tree: LexborHTMLParser) -> Compiled:
        """The document compiled."""
        return HTML.from_string(self.marks.restore(tree.html or ""))

    def text_template(self, text: str) -> Compiled:
        """A text with marks, compiled."""
        return TEXT.from_string(self.marks.restore(text))

    @property
    def uses(self) -> tuple[str, ...]:
        """Attributes without which there is no message."""
        return tuple(sorted(self._uses))

    @property
    def names(self) -> tuple[Name, ...]:
        """Every place where an attribute is named."""
        return tuple(sorted(self._names, key=lambda name: (name.path, name.line, name.column)))

    def stop_if_wrong(self) -> None:
        """Raise TemplateProblems if anything is wrong."""
        if self.problems:
            raise TemplateProblems(tuple(self.problems))

    def _too_deep(self, html: str, origins: Sequence[Origin]) -> TemplateProblem | None:
        together = document.nested_too_deep(Origin("", Words(html)))
        if together is None:
            return None
        found = [document.nested_too_deep(origin) for origin in origins]
        first = origins[0]
        nowhere = TemplateProblem(first.path, first.words.line, 1, together.what, together.hint)
        return next((problem for problem in found if problem), nowhere)
