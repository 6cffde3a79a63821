"""What can be wrong with a template, and with one recipient's values."""

from dataclasses import dataclass

MOST_LISTED = 100


@dataclass(frozen=True, slots=True, order=True)
class TemplateProblem:
    """One thing an author has to put right, and where: lines and columns count from 1 in file `path`."""

    path: str
    line: int
    column: int
    what: str
    hint: str = ""


class TemplateProblems(Exception):
    """A template that cannot be used, with everything that is wrong with it, in the order of the file.

    Of more than MOST_LISTED problems the first are listed, and one that says how many there are.
    """

    def __init__(self, problems: tuple[TemplateProblem, ...]) -> None:
        ordered = sorted(set(problems))
        if len(ordered) > MOST_LISTED:
            what = f"{len(ordered):,} problems in all; these are the first {MOST_LISTED}"
            first = ordered[0]
            ordered = [TemplateProblem(first.path, first.line, first.column, what), *ordered[:MOST_LISTED]]
        self.problems = tuple(ordered)
        super().__init__(
            "\n".join(f"{p.path}:{p.line}:{p.column}  {p.what}  {p.hint}" for p in self.problems)
        )


class CannotRender(Exception):
    """This recipient cannot have this message. The text names attributes, never values."""


class MissingValue(CannotRender):
    """A value the text cannot do without is not known."""

    def __init__(self, attribute: str) -> None:
        self.attribute = attribute
        super().__init__(f"{attribute} is not known, and the text needs it")


class UnfitValue(CannotRender):
    """A value that cannot stand in a message: too long, or not plain data."""

    def __init__(self, attribute: str, why: str) -> None:
        self.attribute = attribute
        super().__init__(f"{attribute} {why}")
