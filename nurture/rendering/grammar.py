"""The part of Jinja that a message may use, checked tag by tag before anything is compiled.

Statements are `if` with its branches and `for` over a list; everything else is refused with its place and
with what to write instead.
"""

import re
from collections.abc import Sequence
from difflib import get_close_matches

from jinja2 import nodes

from nurture.rendering.expressions import Block, Expressions, Reading, Roots
from nurture.rendering.marks import Mark
from nurture.rendering.syntax import path_of, shown_by

DEEPEST = 8
DEEPEST_LOOP = 2

_STATEMENT = re.compile(r"(\w*)\s*(.*)", re.DOTALL)
_INSTEAD = {
    "extends": "every piece has one layout: name it with `layout:` in the front matter",
    "include": "write the text out, or put it into the layout",
    "import": "write the text out, or put it into the layout",
    "from": "write the text out, or put it into the layout",
    "block": "the layout has one place, {{ body }}",
    "macro": "write the text out; for repeated lines use {% for %}",
    "call": "write the text out; for repeated lines use {% for %}",
    "set": "use the attribute itself where it is needed",
    "with": "use the attribute itself where it is needed",
    "filter": "use the filter inside the brackets: {{ prospect.city | upper }}",
    "raw": "to show brackets, write {{ '{{' }}",
    "autoescape": "values are always escaped in HTML; there is nothing to switch",
}


def read_tags(marks: Sequence[Mark], roots: Roots) -> Reading:
    """Check one text's tags, in their order."""
    reader = _Reader(roots)
    for mark in marks:
        reader.read(mark)
    reader.finish()
    return reader.reading


class _Reader(Expressions):
    def read(self, mark: Mark) -> None:
        self.mark = mark
        if mark.kind == "expression":
            self._expression_tag()
            return
        found = _STATEMENT.match(mark.code)
        keyword, rest = (found.group(1), found.group(2).strip()) if found else ("", "")
        if keyword in ("if", "for"):
            self._begin(keyword, rest)
        elif keyword in ("elif", "else"):
            self._branch(keyword, rest)
        elif keyword in ("endif", "endfor"):
            self._end(keyword)
        else:
            self._unknown_statement(keyword)

    def finish(self) -> None:
        for block in self.open:
            what = f"{{% {block.keyword} %}} is never closed"
            self.say(what, f"write {{% end{block.keyword} %}} where it ends", block.tags[0])

    def _expression_tag(self) -> None:
        if not self.open:
            self.reading.always.add(self.mark.word)
        tree = self.parse(f"{{{{ {self.mark.code} }}}}")
        output = tree.body[0] if tree and tree.body else None
        if not isinstance(output, nodes.Output) or len(output.nodes) != 1:
            if tree:
                self.say(
                    "an empty tag", "write a value between the brackets, such as {{ prospect.first_name }}"
                )
            return
        node = output.nodes[0]
        path = path_of(node)
        if path:
            self.reading.plain[self.mark.word] = ".".join(path)
        self.value(node, self.present())

    def _begin(self, keyword: str, rest: str) -> None:
        around = self.present()
        block = Block(keyword, [self.mark], around, around, around)
        tree = self.parse(f"{{% {keyword} {rest} %}}{{% end{keyword} %}}")
        statement = tree.body[0] if tree and tree.body else None
        if isinstance(statement, nodes.If):
            self._test(block, statement.test)
        elif isinstance(statement, nodes.For):
            self._loop(block, statement)
        self.open.append(block)
        if len(self.open) == DEEPEST + 1:
            self.say(f"more than {DEEPEST} tags inside one another", "use `and`, `elif`, or two pieces")

    def _branch(self, keyword: str, rest: str) -> None:
        block = self.open[-1] if self.open else None
        if block is None or block.ended or (keyword == "elif" and block.keyword != "if"):
            self.say(f"{{% {keyword} %}} without {{% if %}}", "open it before, inside the same text")
            return
        block.tags.append(self.mark)
        block.present = block.otherwise
        if keyword == "else":
            block.ended, block.variable = True, None
            if rest:
                self.say(f"`else` takes nothing, but says `{rest}`", "write elif for another condition")
            return
        tree = self.parse(f"{{% if {rest} %}}{{% endif %}}")
        statement = tree.body[0] if tree and tree.body else None
        if isinstance(statement, nodes.If):
            self._test(block, statement.test)

    def _end(self, keyword: str) -> None:
        if not self.open or f"end{self.open[-1].keyword}" != keyword:
            opened = (
                f"the last open tag is {{% {self.open[-1].keyword} %}}" if self.open else "nothing is open"
            )
            self.say(f"{{% {keyword} %}} closes nothing: {opened}", "delete it, or open it before")
            return
        block = self.open.pop()
        self.reading.blocks.append((*block.tags, self.mark))

    def _unknown_statement(self, keyword: str) -> None:
        known = get_close_matches(keyword, ["if", "elif", "else", "endif", "for", "endfor"], 1)
        instead = (
            f"did you mean {{% {known[0]} %}}?" if known else "only if, elif, else, for and their ends can be"
        )
        self.say(f"{{% {keyword} %}} is not for messages", _INSTEAD.get(keyword.removeprefix("end"), instead))

    def _test(self, block: Block, test: nodes.Node) -> None:
        self.truth(test, block.otherwise)
        block.present = block.otherwise | shown_by(test, True)
        block.otherwise = block.otherwise | shown_by(test, False)

    def _loop(self, block: Block, statement: nodes.For) -> None:
        over = statement.iter.node if isinstance(statement.iter, nodes.Filter) else statement.iter
        path = path_of(over) if over else None
        if path is None:
            self.say("a loop over something that is no list", "write {% for item in prospect.<attribute> %}")
        else:
            self.value(statement.iter, block.around)
            block.deep = self.is_deep(path[0])
        if sum(one.keyword == "for" for one in self.open) == DEEPEST_LOOP:
            self.say(f"more than {DEEPEST_LOOP} loops inside one another", "a message is read by a person")
        if statement.recursive:
            self.say("a recursive loop", "write a plain one")
        if not isinstance(statement.target, nodes.Name) or statement.target.name in (*self.roots, "loop"):
            self.say("a loop needs one new name", "write {% for item in prospect.<attribute> %}")
            return
        block.variable = statement.target.name
        if statement.test:
            self.open.append(block)
            self.truth(statement.test, block.around)
            self.open.pop()
