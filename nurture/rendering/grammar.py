"""The part of Jinja that a message may use, checked tag by tag before anything is compiled.

A list of what is allowed, so that whatever is not on it is refused with its place: no calls, no arithmetic
(so nothing that grows), no names but the known ones. It also reads which attributes the text needs: an
attribute is needed unless `default`, `or` or an `if` around it says what happens without it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import NamedTuple

from jinja2 import TemplateSyntaxError, nodes

from nurture.rendering.marks import Mark
from nurture.rendering.problems import TemplateProblem
from nurture.rendering.sandbox import FILTERS, TEST_ARGUMENTS, TEXT

DEEPEST = 8
DEEPEST_LOOP = 2
LONGEST_STRING = 300

VALUE: frozenset[str] = frozenset()
"""A variable that is itself a text."""
ANY: frozenset[str] = frozenset({"*"})
"""A variable with attributes that the caller checks."""
DEEP: frozenset[str] = frozenset({"**"})
"""A variable of nested plain data."""

Roots = Mapping[str, frozenset[str]]
"""The variables a text may use, and the attributes of each."""

_LOOP = frozenset({"index", "first", "last"})
_STATEMENT = re.compile(r"(\w*)\s*(.*)", re.DOTALL)
_ATTRIBUTE = re.compile(r"[a-z][a-z0-9_]*")
_GROWING = frozenset({"join", "replace"})
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
_REFUSED: dict[type[nodes.Node], tuple[str, str]] = {
    nodes.Call: ("a call", "only values can stand here, and filters such as | upper"),
    nodes.Concat: ("joining with ~", "write the two side by side"),
    nodes.Dict: ("a dictionary", "use values and filters only"),
    nodes.Slice: ("a slice", "use | first, | last or a loop"),
}
_ARITHMETIC = "arithmetic"


class Name(NamedTuple):
    """A place where an attribute of the prospect is named."""

    attribute: str
    line: int
    column: int
    path: str


@dataclass
class Reading:
    """What a text's tags say."""

    problems: list[TemplateProblem] = field(default_factory=list)
    names: list[Name] = field(default_factory=list)
    uses: set[str] = field(default_factory=set)
    blocks: list[tuple[Mark, ...]] = field(default_factory=list)  # the tags of each if and for
    plain: dict[str, str] = field(default_factory=dict)  # mark -> site.url, where a tag is no more than that
    always: set[str] = field(default_factory=set)  # marks inside no if or for


@dataclass
class _Block:
    keyword: str
    tags: list[Mark]
    around: frozenset[str]  # attributes known to be there outside of it
    present: frozenset[str]  # and inside the branch being read
    otherwise: frozenset[str]  # and in the branches after it
    variable: str | None = None
    deep: bool = False
    ended: bool = False  # an else was read


def read_tags(marks: Sequence[Mark], roots: Roots) -> Reading:
    """Check one text's tags, in their order."""
    reader = _Reader(roots)
    for mark in marks:
        reader.read(mark)
    reader.finish()
    return reader.reading


class _Reader:
    def __init__(self, roots: Roots) -> None:
        self.roots = roots
        self.reading = Reading()
        self.open: list[_Block] = []
        self.mark: Mark

    # tags

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
            self._say(what, f"write {{% end{block.keyword} %}} where it ends", block.tags[0])

    def _expression_tag(self) -> None:
        if not self.open:
            self.reading.always.add(self.mark.word)
        tree = self._parse(f"{{{{ {self.mark.code} }}}}")
        output = tree.body[0] if tree and tree.body else None
        if not isinstance(output, nodes.Output) or len(output.nodes) != 1:
            if tree:
                self._say(
                    "an empty tag", "write a value between the brackets, such as {{ prospect.first_name }}"
                )
            return
        node = output.nodes[0]
        path = _path_of(node)
        if path:
            self.reading.plain[self.mark.word] = ".".join(path)
        self._value(node, self._present())

    def _begin(self, keyword: str, rest: str) -> None:
        around = self._present()
        block = _Block(keyword, [self.mark], around, around, around)
        tree = self._parse(f"{{% {keyword} {rest} %}}{{% end{keyword} %}}")
        statement = tree.body[0] if tree and tree.body else None
        if isinstance(statement, nodes.If):
            self._test(block, statement.test)
        elif isinstance(statement, nodes.For):
            self._loop(block, statement)
        self.open.append(block)
        if len(self.open) == DEEPEST + 1:
            self._say(f"more than {DEEPEST} tags inside one another", "use `and`, `elif`, or two pieces")

    def _branch(self, keyword: str, rest: str) -> None:
        block = self.open[-1] if self.open else None
        if block is None or block.ended or (keyword == "elif" and block.keyword != "if"):
            self._say(f"{{% {keyword} %}} without {{% if %}}", "open it before, inside the same text")
            return
        block.tags.append(self.mark)
        block.present = block.otherwise
        if keyword == "else":
            block.ended, block.variable = True, None
            if rest:
                self._say(f"`else` takes nothing, but says `{rest}`", "write elif for another condition")
            return
        tree = self._parse(f"{{% if {rest} %}}{{% endif %}}")
        statement = tree.body[0] if tree and tree.body else None
        if isinstance(statement, nodes.If):
            self._test(block, statement.test)

    def _end(self, keyword: str) -> None:
        if not self.open or f"end{self.open[-1].keyword}" != keyword:
            opened = (
                f"the last open tag is {{% {self.open[-1].keyword} %}}" if self.open else "nothing is open"
            )
            self._say(f"{{% {keyword} %}} closes nothing: {opened}", "delete it, or open it before")
            return
        block = self.open.pop()
        self.reading.blocks.append((*block.tags, self.mark))

    def _unknown_statement(self, keyword: str) -> None:
        known = get_close_matches(keyword, ["if", "elif", "else", "endif", "for", "endfor"], 1)
        instead = (
            f"did you mean {{% {known[0]} %}}?" if known else "only if, elif, else, for and their ends can be"
        )
        self._say(
            f"{{% {keyword} %}} is not for messages", _INSTEAD.get(keyword.removeprefix("end"), instead)
        )

    def _test(self, block: _Block, test: nodes.Node) -> None:
        self._truth(test, block.otherwise)
        block.present = block.otherwise | _shown_by(test, True)
        block.otherwise = block.otherwise | _shown_by(test, False)

    def _loop(self, block: _Block, statement: nodes.For) -> None:
        over = statement.iter.node if isinstance(statement.iter, nodes.Filter) else statement.iter
        path = _path_of(over) if over else None
        if path is None:
            self._say("a loop over something that is no list", "write {% for item in prospect.<attribute> %}")
        else:
            self._value(statement.iter, block.around)
            block.deep = self._is_deep(path[0])
        if sum(one.keyword == "for" for one in self.open) == DEEPEST_LOOP:
            self._say(f"more than {DEEPEST_LOOP} loops inside one another", "a message is read by a person")
        if statement.recursive:
            self._say("a recursive loop", "write a plain one")
        if not isinstance(statement.target, nodes.Name) or statement.target.name in (*self.roots, "loop"):
            self._say("a loop needs one new name", "write {% for item in prospect.<attribute> %}")
            return
        block.variable = statement.target.name
        if statement.test:
            self.open.append(block)
            self._truth(statement.test, block.around)
            self.open.pop()

    # expressions

    def _truth(self, node: nodes.Node, present: frozenset[str]) -> None:
        """An expression of which only yes or no is asked: an attribute that is not there is a no."""
        if isinstance(node, nodes.Not):
            self._truth(node.node, present)
        elif isinstance(node, (nodes.And, nodes.Or)):
            self._truth(node.left, present)
            self._truth(node.right, present | _shown_by(node.left, isinstance(node, nodes.And)))
        elif path := _path_of(node):
            self._path(path, None)
        else:
            self._value(node, present)

    def _value(self, node: nodes.Node, present: frozenset[str]) -> None:
        """An expression whose value is used."""
        path = _path_of(node)
        if path:
            self._path(path, present)
        elif isinstance(node, nodes.Const):
            self._constant(node)
        elif isinstance(node, nodes.TemplateData):
            return
        elif isinstance(node, nodes.List):
            for item in node.items:
                self._value(item, present)
        elif isinstance(node, nodes.Filter):
            self._filter(node, present)
        elif isinstance(node, nodes.Test):
            self._test_of(node, present)
        elif isinstance(node, nodes.Compare):
            for part in (node.expr, *(operand.expr for operand in node.ops)):
                self._value(part, present)
        elif isinstance(node, nodes.Not):
            self._truth(node, present)
        elif isinstance(node, nodes.Or):
            self._truth(node.left, present)
            self._value(node.right, present | _shown_by(node.left, False))
        elif isinstance(node, nodes.And):
            self._value(node.left, present)
            self._value(node.right, present | _shown_by(node.left, True))
        elif isinstance(node, nodes.CondExpr):
            self._choice(node, present)
        else:
            self._refuse(node)

    def _choice(self, node: nodes.CondExpr, present: frozenset[str]) -> None:
        self._truth(node.test, present)
        self._value(node.expr1, present | _shown_by(node.test, True))
        if node.expr2 is None:
            self._say("`if` inside a value needs an `else`", 'write {{ "this" if ... else "that" }}')
        else:
            self._value(node.expr2, present | _shown_by(node.test, False))

    def _constant(self, node: nodes.Const) -> None:
        if isinstance(node.value, str) and len(node.value) > LONGEST_STRING:
            self._say(
                f"a text of {len(node.value)} characters inside a tag", "write it outside of the brackets"
            )

    def _filter(self, node: nodes.Filter, present: frozenset[str]) -> None:
        if node.name not in FILTERS:
            self._say(f"there is no filter `{node.name}`", _nearest(node.name, FILTERS))
        elif self._arguments(f"the filter `{node.name}`", node, *FILTERS[node.name]):
            self._filter_arguments(node, present)
        if node.node is None:
            return
        if node.name in _GROWING and _has_growing(node.node):
            self._say("join and replace only once in a tag", "use one of them")
        if node.name == "default" and (path := _path_of(node.node)):
            self._path(path, None)
        else:
            self._value(node.node, present)

    def _filter_arguments(self, node: nodes.Filter, present: frozenset[str]) -> None:
        constants = [argument.value for argument in node.args if isinstance(argument, nodes.Const)]
        for argument in node.args:
            self._value(argument, present)
        if node.name == "default":
            return
        if len(constants) != len(node.args):
            self._say(f"the filter `{node.name}` takes literal text or numbers only", "write it out")
        elif node.name == "round" and not all(type(n) is int and 0 <= n <= 6 for n in constants):
            self._say("round takes 0 to 6 decimals", "write {{ prospect.<attribute> | round(1) }}")
        elif node.name == "replace" and not all(isinstance(c, str) for c in constants):
            self._say("replace takes two texts", 'write | replace("this", "that")')
        elif node.name == "replace" and not constants[0]:
            self._say("replace needs something to look for", 'write | replace("this", "that")')

    def _test_of(self, node: nodes.Test, present: frozenset[str]) -> None:
        if node.name not in TEST_ARGUMENTS:
            self._say(f"there is no test `is {node.name}`", _nearest(node.name, TEST_ARGUMENTS))
            return
        expected = TEST_ARGUMENTS[node.name]
        if self._arguments(f"the test `is {node.name}`", node, expected, expected):
            for argument in node.args:
                self._value(argument, present)
        path = _path_of(node.node)
        if path and expected == 0:
            self._path(path, None)
        else:
            self._value(node.node, present)

    def _arguments(self, name: str, node: nodes.Filter | nodes.Test, fewest: int, most: int) -> bool:
        """Whether there are as many as it takes, and none by name or by star."""
        if node.kwargs or node.dyn_args or node.dyn_kwargs or not fewest <= len(node.args) <= most:
            takes = str(most) if fewest == most else f"{fewest} to {most}"
            self._say(f"{name} takes {takes} arguments, without names", "correct what stands in its brackets")
            return False
        return True

    # names

    def _path(self, path: tuple[str, ...], present: frozenset[str] | None) -> None:
        """A name with attributes; `present` None: asked for with care, so not needed."""
        root, attributes = path[0], path[1:]
        if hidden := [part for part in path if not (_ATTRIBUTE.fullmatch(part) or part.isdigit())]:
            self._say(
                f"`{hidden[0]}` is no name of an attribute", "names are lower-case letters, digits and _"
            )
        elif root == "loop" and any(block.variable for block in self.open):
            self._attribute_among(root, attributes, _LOOP)
        elif any(block.variable == root for block in self.open):
            if attributes and not self._is_deep(root):
                self._say(f"`{root}` has no attributes", f"write {{{{ {root} }}}}")
        elif root not in self.roots:
            self._unknown(root)
        elif self.roots[root] is ANY:
            self._attribute_of_prospect(root, attributes, present)
        elif self.roots[root] is DEEP:
            if not attributes:
                self._say(f"`{root}` alone is no text", f"write {{{{ {root}.<attribute> }}}}")
        elif self.roots[root]:
            self._attribute_among(root, attributes, self.roots[root])
        elif attributes:
            self._say(f"`{root}` has no attributes", f"write {{{{ {root} }}}}")

    def _attribute_of_prospect(
        self, root: str, attributes: tuple[str, ...], present: frozenset[str] | None
    ) -> None:
        if not attributes:
            self._say(f"`{root}` alone is no text", f"write {{{{ {root}.<attribute> }}}}")
            return
        attribute, below = attributes[0], attributes[1:]
        self.reading.names.append(Name(attribute, *_place_of(self.mark, attribute), self.mark.path))
        if len(below) > 1 or not all(part.isdigit() for part in below):
            self._say(
                f"`{root}.{attribute}` has no attributes", "an attribute is text, a number, a date or a list"
            )
        if present is not None and attribute not in present:
            self.reading.uses.add(attribute)

    def _attribute_among(self, root: str, attributes: tuple[str, ...], known: frozenset[str]) -> None:
        if len(attributes) != 1 or attributes[0] not in known:
            said = ".".join((root, *attributes))
            self._say(f"`{said}` is not known", _nearest(said, [f"{root}.{one}" for one in sorted(known)]))

    def _unknown(self, root: str) -> None:
        near = get_close_matches(root, [*self.roots, *self._variables()], 1)
        hint = f"did you mean `{near[0]}`?"
        if not near:
            main = next(iter(self.roots))
            hint = f"write {main}.{root}, or a literal text in quotes"
        self._say(f"`{root}` is not known", hint)

    def _variables(self) -> list[str]:
        return [block.variable for block in self.open if block.variable]

    def _is_deep(self, root: str) -> bool:
        if self.roots.get(root) is DEEP:
            return True
        return any(block.variable == root and block.deep for block in self.open)

    def _present(self) -> frozenset[str]:
        return self.open[-1].present if self.open else frozenset()

    # saying so

    def _parse(self, code: str) -> nodes.Template | None:
        """One tag alone, so that what Jinja says about it belongs to its place."""
        try:
            return TEXT.parse(code)
        except TemplateSyntaxError as error:
            hint = "a tag is a value with filters, or if, elif, else, for and their ends"
            self._say(f"Jinja cannot read this tag: {(error.message or '').rstrip('.')}", hint)
        except (RecursionError, ValueError):
            self._say("this tag is too deeply nested to read", "write it with fewer brackets")
        return None

    def _refuse(self, node: nodes.Node) -> None:
        if isinstance(node, (nodes.BinExpr, nodes.UnaryExpr)) and type(node) not in _REFUSED:
            self._say(f"{_ARITHMETIC} is not for messages", "store the result as an attribute")
            return
        what, hint = _REFUSED.get(type(node), (f"`{type(node).__name__}`", "use values and filters only"))
        self._say(f"{what} is not for messages", hint)

    def _say(self, what: str, hint: str, mark: Mark | None = None) -> None:
        self.reading.problems.append((mark or self.mark).problem(what, hint))


def _path_of(node: nodes.Node | None) -> tuple[str, ...] | None:
    """`prospect.tools[0]` as its parts; None for everything else."""
    parts: list[str] = []
    while isinstance(node, (nodes.Getattr, nodes.Getitem)):
        if isinstance(node, nodes.Getattr):
            parts.append(node.attr)
        elif isinstance(node.arg, nodes.Const) and type(node.arg.value) in (str, int):
            parts.append(str(node.arg.value))
        else:
            return None
        node = node.node
    return (node.name, *reversed(parts)) if isinstance(node, nodes.Name) else None


def _shown_by(test: nodes.Node, truth: bool) -> frozenset[str]:
    """The attributes of which it is certain that they are there, if `test` came out as `truth`."""
    if isinstance(test, nodes.Not):
        return _shown_by(test.node, not truth)
    if isinstance(test, (nodes.And, nodes.Or)):
        left, right = _shown_by(test.left, truth), _shown_by(test.right, truth)
        return left | right if isinstance(test, nodes.And) == truth else left & right
    asks_for_absence = isinstance(test, nodes.Test) and test.name in ("undefined", "none")
    if isinstance(test, nodes.Test):
        if test.name != "defined" and not asks_for_absence:
            return frozenset()
        test = test.node
    path = _path_of(test)
    return frozenset(path[1:2]) if path and len(path) == 2 and truth != asks_for_absence else frozenset()


def _has_growing(node: nodes.Node) -> bool:
    return any(found.name in _GROWING for found in node.find_all(nodes.Filter)) or (
        isinstance(node, nodes.Filter) and node.name in _GROWING
    )


def _nearest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), 1)
    return f"did you mean `{near[0]}`?" if near else f"known are {', '.join(sorted(known))}"


def _place_of(mark: Mark, attribute: str) -> tuple[int, int]:
    """Where in the file the tag names the attribute."""
    found = re.search(rf"(?:\.|\[\s*['\"])\s*({re.escape(attribute)})\b", mark.tag)
    if not found:
        return mark.line, mark.column
    lines = mark.tag.count("\n", 0, found.start(1))
    if not lines:
        return mark.line, mark.column + found.start(1)
    return mark.line + lines, found.start(1) - mark.tag.rfind("\n", 0, found.start(1))
