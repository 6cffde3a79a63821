"""A file's parts keep the lines on which they stand."""

import pytest

from nurture.rendering import Source, TemplateProblems, split


def test_front_matter_body_and_text_part_know_their_lines() -> None:
    text = "---\ntitle: A\nsubject: B\n---\n\nHello\n\n--- text\nHello in text\n"
    assert split("a.md", text) == Source("title: A\nsubject: B\n", 2, "\nHello\n\n", 5, "Hello in text\n", 9)


def test_windows_line_ends_and_a_byte_order_mark_change_nothing() -> None:
    text = "---\ntitle: A\n---\nHello\n--- text\nBye\n"
    assert split("a.md", "\ufeff" + text.replace("\n", "\r\n")) == split("a.md", text)


@pytest.mark.parametrize(
    ("text", "front", "body", "text_part"),
    [
        ("", "", "", None),
        ("Hello", "", "Hello", None),
        ("---\n---\n", "", "", None),
        ("---\ntitle: A\n---", "title: A\n", "", None),
        ("Hello\n---\nrule above\n", "", "Hello\n---\nrule above\n", None),
        ("Hello\n--- text", "", "Hello\n", ""),
    ],
)
def test_parts_may_be_missing(text: str, front: str, body: str, text_part: str | None) -> None:
    source = split("a.md", text)
    assert (source.front_text, source.body_text, source.text_part) == (front, body, text_part)


@pytest.mark.parametrize("text", ["---", "---\ntitle: A\n", "---\ntitle: A\n----\n"])
def test_front_matter_without_an_end_is_a_problem(text: str) -> None:
    with pytest.raises(TemplateProblems) as wrong:
        split("a.md", text)
    (problem,) = wrong.value.problems
    assert (problem.path, problem.line, problem.column) == ("a.md", 1, 1)
    assert "never ends" in problem.what
