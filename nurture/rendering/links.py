"""The links of a piece: literal, absolute, numbered.

A target is part of the text, never of a value. Numbers count from 1; equal targets share one.
"""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from nurture.rendering.document import Origin, elements, problem_in
from nurture.rendering.marks import Marks
from nurture.rendering.problems import TemplateProblem

UNSUBSCRIBE = "unsubscribe_url"
_UNTRACKED = ("mailto:", "tel:")
_UNSAFE = re.compile(r"[\s\\<>\"'`{}|^\x00-\x20\x7f-\xa0]")
_ADDRESS_IN_TEXT = re.compile(r"https?://[^\s<>\"'()\[\]{}]+[^\s<>\"'()\[\]{}.,;:!?]")
_FIXED_BEGINNING = re.compile(r"mailto:|tel:|https?://[^/\s?#]+/")


class Links:
    """Collects the targets of one piece and puts marks in their place.

    `known` are the values that are the same for everyone (`site.url`), `plain` says which mark is which.
    `values`: whether values may stand in an address after its literal beginning (sales' notes only).
    `own` is the value that is an address of ours: a link may be that and nothing else.
    """

    def __init__(
        self,
        marks: Marks,
        plain: Mapping[str, str],
        known: Mapping[str, str],
        origins: Sequence[Origin],
        *,
        values: bool = False,
        own: str = UNSUBSCRIBE,
    ) -> None:
        self._marks, self._plain, self._known, self._origins, self._values = (
            marks,
            plain,
            known,
            origins,
            values,
        )
        self._own = own
        self.targets: list[str] = []
        self.problems: list[TemplateProblem] = []

    def number(self, tree: LexborHTMLParser) -> None:
        """Put a mark in place of every target in the document."""
        for node in elements(tree):
            if node.tag in ("a", "area") and "href" in node.attributes:
                self._link(node)
                continue
            if "href" in node.attributes:
                what = f"<{node.tag}> with an address"
                self._refuse(node.attributes["href"] or "", what, "use <a href> instead")
            for attribute in ("src", "background"):
                if node.attributes.get(attribute) is not None:
                    self._image(node, attribute)

    def number_in_text(self, text: str) -> str:
        """An authored text part with marks in place of its addresses."""
        for word in self._marks.words_in(text):
            if self._literal(word) is not None:
                text = text.replace(word, self._literal(word) or "")
        return _ADDRESS_IN_TEXT.sub(lambda found: self._target(found.group()), text)

    def _link(self, node: LexborNode) -> None:
        written = (node.attributes["href"] or "").strip()
        if self._plain.get(written) == self._own:
            return
        node.attrs["href"] = self._target(written)

    def _target(self, written: str) -> str:
        """What stands in place of the address: a mark, or the address itself where clicks are not ours."""
        address = self._filled_in(written)
        if words := self._marks.words_in(address):
            if self._values and _FIXED_BEGINNING.match(address[: address.index(words[0])]):
                return address
            mark = self._marks.by_word[words[0]]
            what = f"a link is literal, but this one contains {mark.tag[:60]}"
            self.problems.append(mark.problem(what, "write the address out; clicks are counted per link"))
        elif address.lower().startswith(_UNTRACKED) or (address.startswith("#") and len(address) > 1):
            return address
        elif absolute := self._absolute(written, address):
            if self._values:
                return absolute
            if absolute not in self.targets:
                self.targets.append(absolute)
            return self._marks.stand_for_link(self.targets.index(absolute) + 1)
        return written

    def _absolute(self, written: str, address: str) -> str | None:
        """The whole address, or None after saying what is wrong with it."""
        site = self._known.get("site.url", "")
        if not address or address == "#":
            self._refuse(written, "a link without an address", "write where it goes, or delete it")
            return None
        if _UNSAFE.search(address):
            hint = "percent-encode spaces and signs such as < and \\"
            self._refuse(written, f"{address[:80]} is no address", hint)
            return None
        try:
            whole = address if urlsplit(address).scheme else urljoin(site.rstrip("/") + "/", address)
            parts = urlsplit(whole)
            sound = parts.hostname and parts.port != 0 and parts.username is None and parts.password is None
        except ValueError:
            self._refuse(
                written, f"{address[:80]} is no address", "write it like https://www.example.com/page"
            )
            return None
        if parts.scheme not in ("http", "https"):
            self._refuse(written, f"{address[:80]} is no web address", "begin it with https://")
        elif not sound:
            hint = "write it like https://www.example.com/page, without a user name"
            self._refuse(written, f"{address[:80]} names no host", hint)
        else:
            return whole
        return None

    def _image(self, node: LexborNode, attribute: str) -> None:
        written = (node.attributes[attribute] or "").strip()
        address = self._filled_in(written)
        if self._marks.words_in(address):
            mark = self._marks.by_word[self._marks.words_in(address)[0]]
            self.problems.append(mark.problem("a picture's address is literal", "write the address out"))
        elif whole := self._absolute(written, address):
            node.attrs[attribute] = whole

    def _filled_in(self, written: str) -> str:
        """The address with what is the same for everyone written out."""
        for word in self._marks.words_in(written):
            written = written.replace(word, self._literal(word) or word)
        return written

    def _literal(self, word: str) -> str | None:
        return self._known.get(self._plain.get(word, ""))

    def _refuse(self, written: str, what: str, hint: str) -> None:
        for word in self._marks.words_in(written):
            written = written.replace(word, self._marks.by_word[word].tag)
        needle = re.escape(written) if written else r"href\s*=\s*(['\"])\1|\]\(\s*\)"
        self.problems.append(problem_in(self._origins, needle, what, hint))
