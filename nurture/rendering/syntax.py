"""Jinja's syntax trees: what a tag is made of."""

from collections.abc import Collection

from jinja2 import nodes

DEEPEST_TREE = 25


def path_of(node: nodes.Node | None) -> tuple[str, ...] | None:
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


def shown_by(test: nodes.Node, truth: bool) -> frozenset[str]:
    """The attributes of which it is certain that they are there, if `test` came out as `truth`."""
    if isinstance(test, nodes.Not):
        return shown_by(test.node, not truth)
    if isinstance(test, (nodes.And, nodes.Or)):
        left, right = shown_by(test.left, truth), shown_by(test.right, truth)
        return left | right if isinstance(test, nodes.And) == truth else left & right
    asks_for_absence = isinstance(test, nodes.Test) and test.name in ("undefined", "none")
    if isinstance(test, nodes.Test):
        if test.name != "defined" and not asks_for_absence:
            return frozenset()
        test = test.node
    path = path_of(test)
    return frozenset(path[1:2]) if path and len(path) == 2 and truth != asks_for_absence else frozenset()


def is_too_deep(tree: nodes.Node) -> bool:
    """Whether the tree has more levels than a person writes, or a compiler likes."""
    level: list[nodes.Node] = [tree]
    for _ in range(DEEPEST_TREE):
        level = [child for node in level for child in node.iter_child_nodes()]
    return bool(level)


def has_filter(node: nodes.Node, names: Collection[str]) -> bool:
    """Whether one of these filters stands in the tree."""
    found = [node] if isinstance(node, nodes.Filter) else []
    return any(one.name in names for one in (*found, *node.find_all(nodes.Filter)))
