"""The values inside tags: which may stand there, and which attributes they need.

A list of what is allowed, so that whatever is not on it is refused with its place: no calls, no arithmetic
(so nothing that grows), no names but the known ones. An attribute is needed unless `default`, `or` or an
`if` around it says what happens without it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import NamedTuple

from jinja2 import TemplateSyntaxError, nodes

from nurture.rendering.marks import Mark
from nurture.rendering.problems import TemplateProblem
from nurture.rendering.sandbox import FILTERS, TEST_ARGUMENTS, TEXT
from nurture.rendering.syntax import has_filter, is_too_deep, path_of, shown_by

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
_ATTRIBUTE = re.compile(r"[a-z][a-z0-9_]*")
_GROWING = frozenset({"join", "replace", "urlencode"})
_REFUSED: dict[type[nodes.Node], tuple[str, str]] = {
    nodes.Call: ("a call is not for messages", "only values can stand here, and filters such as | upper"),
    nodes.Concat: ("joining with ~ is not for messages", "write the two side by side"),
    nodes.Dict: ("a dictionary is not for messages", "use values and filters only"),
    nodes.Slice: ("a slice is not for messages", "use | first, | last or a loop"),
}


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
class Block:
    """An `if` or a `for` that is being read."""

    keyword: str
    tags: list[Mark]
    around: frozenset[str]  # attributes known to be there outside of it
    present: frozenset[str]  # and inside the branch being read
    otherwise: frozenset[str]  # and in the branches after it
    variable: str | None = None
    deep: bool = False
    ended: bool = False  # an else was read


class Expressions:
    """Reads values; `open` are the blocks around them, the innermost last."""

    def __init__(self, roots: Roots) -> None:
        self.roots = roots
        self.reading = Reading()
        self.open: list[Block] = []
        self.mark: Mark

    def truth(self, node: nodes.Node, present: frozenset[str]) -> None:
        """An expression of which only yes or no is asked: an attribute that is not there is a no."""
        if isinstance(node, nodes.Not):
            self.truth(node.node, present)
        elif isinstance(node, (nodes.And, nodes.Or)):
            self.truth(node.left, present)
            self.truth(node.right, present | shown_by(node.left, isinstance(node, nodes.And)))
        elif path := path_of(node):
            self._path(path, None)
        else:
            self.value(node, present)

    def value(self, node: nodes.Node, present: frozenset[str]) -> None:
        """An expression whose value is used."""
        path = path_of(node)
        if path:
            self._path(path, present)
        elif isinstance(node, nodes.Const):
            self._constant(node)
        elif isinstance(node, nodes.TemplateData):
            return
        elif isinstance(node, nodes.List):
            for item in node.items:
                self.value(item, present)
        elif isinstance(node, nodes.Filter):
            self._filter(node, present)
        elif isinstance(node, nodes.Test):
            self._test_of(node, present)
        elif isinstance(node, nodes.Compare):
            for part in (node.expr, *(operand.expr for operand in node.ops)):
                self.value(part, present)
        elif isinstance(node, nodes.Not):
            self.truth(node, present)
        elif isinstance(node, nodes.Or):
            self.truth(node.left, present)
            self.value(node.right, present | shown_by(node.left, False))
        elif isinstance(node, nodes.And):
            self.value(node.left, present)
            self.value(node.right, present | shown_by(node.left, True))
        elif isinstance(node, nodes.CondExpr):
            self._choice(node, present)
        else:
            self._refuse(node)

    def _choice(self, node: nodes.CondExpr, present: frozenset[str]) -> None:
        self.truth(node.test, present)
        self.value(node.expr1, present | shown_by(node.test, True))
        if node.expr2 is None:
            self.say("`if` inside a value needs an `else`", 'write {{ "this" if ... else "that" }}')
        else:
            self.value(node.expr2, present | shown_by(node.test, False))

    def _constant(self, node: nodes.Const) -> None:
        if isinstance(node.value, str) and len(node.value) > LONGEST_STRING:
            self.say(
                f"a text of {len(node.value)} characters inside a tag", "write it outside of the brackets"
            )

    def _filter(self, node: nodes.Filter, present: frozenset[str]) -> None:
        if node.name not in FILTERS:
            self.say(f"there is no filter `{node.name}`", _nearest(node.name, FILTERS))
        elif self._arguments(f"the filter `{node.name}`", node, *FILTERS[node.name]):
            self._filter_arguments(node, present)
        if node.node is None:
            return
        if node.name in _GROWING and has_filter(node.node, _GROWING):
            self.say("more than one of join, replace and urlencode in a tag", "use one of them")
        if node.name == "default" and (path := path_of(node.node)):
            self._path(path, None)
        else:
            self.value(node.node, present)

    def _filter_arguments(self, node: nodes.Filter, present: frozenset[str]) -> None:
        constants = [argument.value for argument in node.args if isinstance(argument, nodes.Const)]
        for argument in node.args:
            self.value(argument, present)
        if node.name == "default":
            return
        if len(constants) != len(node.args):
            self.say(f"the filter `{node.name}` takes literal text or numbers only", "write it out")
        elif node.name == "round" and not all(type(n) is int and 0 <= n <= 6 for n in constants):
            self.say("round takes 0 to 6 decimals", "write {{ prospect.<attribute> | round(1) }}")
        elif node.name == "replace" and not all(isinstance(c, str) for c in constants):
            self.say("replace takes two texts", 'write | replace("this", "that")')
        elif node.name == "replace" and not constants[0]:
            self.say("replace needs something to look for", 'write | replace("this", "that")')

    def _test_of(self, node: nodes.Test, present: frozenset[str]) -> None:
        if node.name not in TEST_ARGUMENTS:
            self.say(f"there is no test `is {node.name}`", _nearest(node.name, TEST_ARGUMENTS))
            return
        expected = TEST_ARGUMENTS[node.name]
        if self._arguments(f"the test `is {node.name}`", node, expected, expected):
            for argument in node.args:
                self.value(argument, present)
        path = path_of(node.node)
        if path and expected == 0:
            self._path(path, None)
        else:
            self.value(node.node, present)

    def _arguments(self, name: str, node: nodes.Filter | nodes.Test, fewest: int, most: int) -> bool:
        """Whether there are as many as it takes, and none by name or by star."""
        if node.kwargs or node.dyn_args or node.dyn_kwargs or not fewest <= len(node.args) <= most:
            takes = str(most) if fewest == most else f"{fewest} to {most}"
            self.say(f"{name} takes {takes} arguments, without names", "correct what stands in its brackets")
            return False
        return True

    # names

    def _path(self, path: tuple[str, ...], present: frozenset[str] | None) -> None:
        """A name with attributes; `present` None: asked for with care, so not needed."""
        root, attributes = path[0], path[1:]
        if hidden := [part for part in path if not (_ATTRIBUTE.fullmatch(part) or part.isdigit())]:
            self.say(
                f"`{hidden[0]}` is no name of an attribute", "names are lower-case letters, digits and _"
            )
        elif root == "loop" and any(block.variable for block in self.open):
            self._attribute_among(root, attributes, _LOOP)
        elif any(block.variable == root for block in self.open):
            if attributes and not self.is_deep(root):
                self.say(f"`{root}` has no attributes", f"write {{{{ {root} }}}}")
        elif root not in self.roots:
            self._unknown(root)
        elif self.roots[root] is ANY:
            self._attribute_of_prospect(root, attributes, present)
        elif self.roots[root] is DEEP:
            if not attributes:
                self.say(f"`{root}` alone is no text", f"write {{{{ {root}.<attribute> }}}}")
        elif self.roots[root]:
            self._attribute_among(root, attributes, self.roots[root])
        elif attributes:
            self.say(f"`{root}` has no attributes", f"write {{{{ {root} }}}}")

    def _attribute_of_prospect(
        self, root: str, attributes: tuple[str, ...], present: frozenset[str] | None
    ) -> None:
        if not attributes:
            self.say(f"`{root}` alone is no text", f"write {{{{ {root}.<attribute> }}}}")
            return
        attribute, below = attributes[0], attributes[1:]
        self.reading.names.append(Name(attribute, *_place_of(self.mark, attribute), self.mark.path))
        if len(below) > 1 or not all(part.isdigit() for part in below):
            self.say(
                f"`{root}.{attribute}` has no attributes", "an attribute is text, a number, a date or a list"
            )
        if present is not None and attribute not in present:
            self.reading.uses.add(attribute)

    def _attribute_among(self, root: str, attributes: tuple[str, ...], known: frozenset[str]) -> None:
        if len(attributes) != 1 or attributes[0] not in known:
            said = ".".join((root, *attributes))
            self.say(f"`{said}` is not known", _nearest(said, [f"{root}.{one}" for one in sorted(known)]))

    def _unknown(self, root: str) -> None:
        near = get_close_matches(root, [*self.roots, *self._variables()], 1)
        if near:
            hint = f"did you mean `{near[0]}`?"
        else:
            main = next(iter(self.roots))
            hint = f"write {main}.{root}, or a literal text in quotes"
        self.say(f"`{root}` is not known", hint)

    def _variables(self) -> list[str]:
        return [block.variable for block in self.open if block.variable]

    def is_deep(self, root: str) -> bool:
        if self.roots.get(root) is DEEP:
            return True
        return any(block.variable == root and block.deep for block in self.open)

    def present(self) -> frozenset[str]:
        return self.open[-1].present if self.open else frozenset()

    # saying so

    def parse(self, code: str) -> nodes.Template | None:
        """One tag alone, so that what Jinja says about it belongs to its place."""
        try:
            tree = TEXT.parse(code)
            if not is_too_deep(tree):
                return tree
        except TemplateSyntaxError as error:
            hint = "a tag is a value with filters, or if, elif, else, for and their ends"
            self.say(f"Jinja cannot read this tag: {(error.message or '').rstrip('.')}", hint)
            return None
        except (RecursionError, ValueError):  # brackets without end, a number without end
            pass
        self.say("this tag is too deeply nested to read", "write it with fewer brackets")
        return None

    def _refuse(self, node: nodes.Node) -> None:
        while isinstance(node, (nodes.Getattr, nodes.Getitem)):
            sliced = isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Slice)
            node = node.arg if isinstance(node, nodes.Getitem) and sliced else node.node
        if isinstance(node, (nodes.BinExpr, nodes.UnaryExpr)) and type(node) not in _REFUSED:
            self.say("arithmetic is not for messages", "store the result as an attribute")
            return
        hint = "only values can stand here, such as prospect.first_name, and filters such as | upper"
        self.say(*_REFUSED.get(type(node), ("this is not for messages", hint)))

    def say(self, what: str, hint: str, mark: Mark | None = None) -> None:
        self.reading.problems.append((mark or self.mark).problem(what, hint))


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
