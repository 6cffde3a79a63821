"""What somebody writes who wants out of the sandbox, or wants it to burn: refused, with a place."""

import pytest
from jinja2 import Environment

from nurture.rendering import CannotRender, TemplateProblems, UnfitValue, compile_packet
from nurture.rendering.sandbox import HTML, TEXT
from tests.rendering.workshop import compiled, filled, problems

ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ prospect.__class__ }}",
    "{{ prospect['__class__']['__base__'] }}",
    "{{ prospect | attr('__class__') }}",
    "{{ [prospect] | map(attribute='__class__') | list }}",
    "{{ '{0.__class__}'.format(prospect) }}",
    "{{ '{0.__class__}' | format(prospect) }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ cycler.__init__.__globals__.os }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__ }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ config }}",
    "{{ prospect.a.__init__ }}",
    "{{ prospect.a.delete() }}",
    "{{ prospect.items() }}",
    "{{ prospect.update({'a': 1}) }}",
    "{{ prospect.a | xmlattr }}",
    "{{ prospect.a | safe }}",
    "{{ prospect.a | pprint }}",
    "{{ url_for.__globals__ }}",
    "{% set x = prospect.__class__ %}",
    "{% import 'os' as os %}",
    "{% include '/etc/passwd' %}",
    "{% for x in prospect.a %}{{ loop.__init__ }}{% endfor %}",
    "{% for x in prospect.a %}{{ loop.cycle('a') }}{% endfor %}",
    "{% for x in prospect.a %}{{ x.__class__ }}{% endfor %}",
    "{{ link_1 }}",
    "{{ ().__class__ }}",
]
BOMBS = [
    "{{ 'a' * 1000000000 }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ 'a'.center(1000000000) }}",
    "{{ 'a' | center(1000000000) }}",
    "{{ '%0999999999d' | format(1) }}",
    "{{ '%0999999999d' % 1 }}",
    "{{ lipsum(n=100000) }}",
    "{{ range(1000000000) | list }}",
    "{% for i in range(1000000000) %}x{% endfor %}",
    "{{ prospect.a | round(1000000000, 'ceil') }}",
    "{{ prospect.a | round(1000000000) }}",
    "{{ prospect.a | replace('', 'aaaaaaaa') }}",
    "{{ prospect.a | replace('a', 'aaaa') | replace('a', 'aaaa') }}",
    "{{ prospect.a | join('aaaa') | join('aaaa') }}",
    "{{ prospect.a | default(prospect.a | join('aa')) | join('aa') }}",
    "{{ prospect.a | urlencode | urlencode }}",
    "{{ prospect.a | wordwrap(1) }}",
    "{{ prospect.a | indent(1000000000) }}",
    "{{ 'a' ~ 'a' }}",
    "{{ -prospect.a }}",
    "{{ '" + "a" * 500 + "' }}",
    "{{ " + "(" * 400 + "1" + ")" * 400 + " }}",
    "{{ " + "not " * 200 + "prospect.a }}",
    "{{ prospect.a" + " | upper" * 100 + " }}",
    "{{ " + " or ".join(["prospect.a"] * 60) + " }}",
    "{% for a in prospect.l %}{% for b in prospect.l %}{% for c in prospect.l %}x" + "{% endfor %}" * 3,
    "{% if prospect.a %}" * 9 + "x" + "{% endif %}" * 9,
]


@pytest.mark.parametrize("tag", ESCAPES + BOMBS)
@pytest.mark.parametrize("where", ["body", "text part", "subject", "layout", "packet"])
def test_escapes_and_bombs_are_refused_with_a_place(tag: str, where: str) -> None:
    if where == "packet":
        with pytest.raises(TemplateProblems) as wrong:
            compile_packet(f"<p>\n{tag.replace('prospect', 'packet')}</p>", "Subject: x\n\nx")
        found = list(wrong.value.problems)
    else:
        found = problems(**_put(tag, where))
    assert found
    assert all(problem.line >= 1 and problem.column >= 1 and problem.what for problem in found)
    assert any(problem.hint for problem in found)


def _put(tag: str, where: str) -> dict[str, str]:
    layout = f"<body>{{{{ body }}}}<p>{tag}</p>"
    return {
        "body": {"body": f"Hello\n\n{tag}"},
        "text part": {"body": f"Hello\n--- text\n{tag}"},
        "subject": {"body": "Hello", "subject": tag},
        "layout": {"body": "Hello", "layout": layout},
    }[where]


@pytest.mark.parametrize("sandbox", [HTML, TEXT], ids=["html", "text"])
def test_the_second_wall_holds_where_the_first_is_walked_around(sandbox: Environment) -> None:
    """The environment alone, without the check of tags, gives nothing away either."""
    for tag in ESCAPES:
        try:
            said = sandbox.from_string(tag).render(prospect={"a": "x", "l": ["y"]})
        except Exception:
            continue
        assert "class" not in said and "function" not in said and "method" not in said, tag


@pytest.mark.parametrize(
    "text",
    [
        "x" * 5_000_000,
        "word word\n" * 500_000,
        "{% if prospect.a %}" * 20_000,
        "{% if prospect.a %}" * 4_000 + "{% endif %}" * 4_000,
        "{{ prospect.a }}" * 5_000,
        "{{ " * 40_000,
        "{##}" * 30_000,
        "<div>" * 20_000,
        "<b><p>" * 20_000,
        "".join(f"<b id=x{i}><p>" for i in range(9_000)),
        "<table><tr><td>" * 5_000,
        "<ul><li>" * 10_000,
        "**a " * 17_000 + "a** " * 17_000,
        "| a | b |\n|---|---|\n" + "| x | y |\n" * 12_000,
        "Hello \x00 there",
        "Hello \x1b[2J there",
        "Hello \ud800 there",
    ],
    ids=lambda text: f"{text[:12]!r}",
)
@pytest.mark.parametrize("ext", ["md", "html"])
def test_monstrous_files_get_a_sentence(text: str, ext: str) -> None:
    found = problems(text, ext=ext)
    is_only_text_in_html = ext == "html" and text[0] in "*|"
    assert bool(found) != is_only_text_in_html
    assert len(found) <= 101
    assert all(problem.line >= 1 and problem.what for problem in found)


def test_a_hundred_problems_are_listed_and_the_rest_counted() -> None:
    found = problems("{{ x() }} " * 900)
    assert len(found) == 101
    assert "900 problems" in found[0].what


def test_loops_over_long_lists_stop_growing() -> None:
    piece = compiled(
        "{% for a in prospect.l %}{% for b in prospect.l %}" + "x" * 500 + "{% endfor %}{% endfor %}"
    )
    with pytest.raises(CannotRender, match="grows beyond"):
        filled(piece, {"l": ["y"] * 100})
    assert filled(piece, {"l": ["y"] * 3})


class _Row:
    """What an ORM would pass: an object whose methods do things."""

    called = False

    def delete(self) -> None:
        _Row.called = True


@pytest.mark.parametrize(
    "value",
    [
        _Row(), _Row, {"a": "b"}, [{"a": "b"}], [["a"]], b"bytes", lambda: "x", object(), 1j, "x" * 2_001,
        ["x"] * 101, ["x" * 2_001], 10**18, -(10**400),
    ],
    ids=lambda value: str(type(value).__name__),
)  # fmt: skip
def test_a_value_that_is_no_plain_data_is_refused_by_name(value: object) -> None:
    with pytest.raises(UnfitValue) as unfit:
        filled(compiled("Hi {{ prospect.thing | default('x') }}"), {"thing": value})
    assert unfit.value.attribute == "thing"
    assert "x" * 100 not in str(unfit.value) and not _Row.called


def test_attributes_the_text_does_not_name_are_not_looked_at() -> None:
    assert filled(compiled("Hi"), {"thing": _Row()})


def test_a_value_that_is_called_like_a_method_is_a_value() -> None:
    piece = compiled("{{ prospect.items }} {{ prospect.keys | default('none') }}")
    assert filled(piece, {"items": "three"}).text.startswith("three none\n")
