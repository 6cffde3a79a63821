"""Writes the parts of the docs that come from the code: `make docs`. A test asserts that they are current."""

from pathlib import Path

from nurture.core.journey import ANSWERS, CLOSED, LEGAL, RESTING, STATES, THEN

HERE = Path(__file__).parent
BEGIN, END = "<!-- generated -->", "<!-- end -->"


def lifecycle() -> str:
    """The state machine as a Mermaid picture, from the two tables that are the machine."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for kind, targets in LEGAL.items():
        for state, after in targets.items():
            for target in (RESTING, CLOSED) if after == THEN else (after,):
                if target != state:
                    arrows.setdefault((state, target), []).append(kind.__name__)
    for answer, targets in ANSWERS.items():
        for state, after in targets.items():
            arrows.setdefault((state, after), []).append(answer)
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {STATES[0]}"]
    for (before, after), names in sorted(arrows.items(), key=lambda one: (STATES.index(one[0][0]), one[0][1])):
        lines.append(f"    {before} --> {after}: {', '.join(names)}")
    return "\n".join([*lines, "```"])


GENERATED = {"lifecycle.md": lifecycle}


def current(name: str) -> str:
    """The page as it should be: what people wrote, around what the code says."""
    page = (HERE / name).read_text(encoding="utf-8")
    before, rest = page.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    return f"{before}{BEGIN}\n{GENERATED[name]()}\n{END}{after}"


def main() -> None:
    """Rewrite every page."""
    for name in GENERATED:
        text = current(name)
        (HERE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
