"""Every mistake is said with its line, its column and what to write instead, all at once."""

import pytest

from tests.rendering.workshop import FOOTER, problems

AT = "---\ntitle: x\n---\nFirst line\nthen "
"""A tag put after this stands in line 5, column 6."""


@pytest.mark.parametrize(
    ("tag", "what", "hint"),
    [
        ("{{ prospct.name }}", "`prospct` is not known", "did you mean `prospect`?"),
        ("{{ first_name }}", "`first_name` is not known", "write prospect.first_name"),
        ("{{ sender.nmae }}", "`sender.nmae` is not known", "did you mean `sender.name`?"),
        ("{{ site.hosts }}", "`site.hosts` is not known", "site.url"),
        ("{{ piece }}", "`piece` is not known", "piece.title"),
        ("{{ prospect }}", "`prospect` alone is no text", "prospect.<attribute>"),
        ("{{ prospect.a.b }}", "`prospect.a` has no attributes", "text, a number"),
        ("{{ body }}", "`body` is not known", "write prospect.body"),
        ("{{ unsubscribe_url.x }}", "`unsubscribe_url` has no attributes", "{{ unsubscribe_url }}"),
        ("{{ prospect.a | upcase }}", "no filter `upcase`", "capitalize"),
        ("{{ prospect.a | uper }}", "no filter `uper`", "did you mean `upper`?"),
        ("{{ prospect.a | default }}", "`default` takes 1 arguments", "brackets"),
        ("{{ prospect.a | default('x', boolean=true) }}", "`default` takes 1", "brackets"),
        ("{{ prospect.a | join(prospect.b) }}", "literal", "write it out"),
        ("{{ prospect.a is even }}", "no test `is even`", "defined"),
        ("{{ 'x' if prospect.a }}", "needs an `else`", "else"),
        ("{{ prospect.a ~ 'x' }}", "joining with ~", "side by side"),
        ("{{ prospect.a + 1 }}", "arithmetic", "attribute"),
        ("{{ prospect.a[1:] }}", "slice", "first"),
        ("{{ {'a': 1}.a }}", "a dictionary", "values"),
        ("{{ }}", "Jinja cannot read this tag", "a tag is"),
        ("{{ prospect.a b }}", "Jinja cannot read this tag", "a tag is"),
        ("{% if %}x{% endif %}", "Jinja cannot read this tag", "a tag is"),
        ("{% elsif prospect.a %}", "{% elsif %} is not for messages", "did you mean {% elif %}?"),
        ("{% endif %}", "closes nothing: nothing is open", "delete it"),
        ("{% else %}", "without {% if %}", "open it before"),
        ("{% if prospect.a %}x", "{% if %} is never closed", "{% endif %}"),
        ("{{ prospect.a ", "{{ is never closed", "}}"),
        ("{% for a, b in prospect.l %}{% endfor %}", "one new name", "for item in"),
        ("{% for prospect in prospect.l %}{% endfor %}", "one new name", "for item in"),
        ("{% for a in 'abc' %}{% endfor %}", "no list", "for item in"),
        ("{% for a in prospect.l recursive %}{% endfor %}", "recursive", "plain"),
        ("{{ loop.index }}", "`loop` is not known", "prospect.loop"),
    ],
)
def test_a_wrong_tag_is_named_with_its_place(tag: str, what: str, hint: str) -> None:
    first = problems(AT + tag)[0]
    assert (first.line, first.column) == (5, 6)
    assert what in first.what and hint in first.hint


@pytest.mark.parametrize(
    "keyword",
    ["extends 'x'", "include 'x'", "import 'x' as y", "from 'x' import y", "block b", "macro m()", "call m()",
     "set a = 1", "with a = 1", "filter upper", "raw", "autoescape false", "do x", "trans", "debug", ""],
)  # fmt: skip
@pytest.mark.parametrize("ext", ["md", "html"])
def test_statements_that_are_not_for_messages(keyword: str, ext: str) -> None:
    (problem,) = problems(f"{AT}{{% {keyword} %}}", ext=ext)
    assert (problem.line, problem.column) == (5, 6)
    assert "is not for messages" in problem.what and problem.hint


def test_everything_is_said_at_once_in_the_order_of_the_file() -> None:
    body = "{{ prospct.a }}\n{{ prospect.a + 1 }}\n[x](javascript:y)\n<b>z</b>\n{% if prospect.a %}"
    layout = "<body>{{ body }} {{ nothing }}</body>"
    found = problems(body, layout=layout, subject="{{ sendr.name }}")
    assert [(p.path.rsplit("/", 1)[-1], p.line, p.column) for p in found] == [
        ("piece.md", 1, 1), ("piece.md", 2, 1), ("piece.md", 2, 10), ("piece.md", 3, 5),
        ("piece.md", 4, 1), ("piece.md", 4, 5), ("piece.md", 5, 1),
        ("plain.html", 1, 1), ("plain.html", 1, 1), ("plain.html", 1, 18),
    ]  # fmt: skip


# places in the document


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ("<p class='{{ prospect.a }}'>x</p>", "in the attribute class"),
        ("<p style='color: {{ prospect.a }}'>x</p>", "in the attribute style"),
        ("<p {{ prospect.a }}>x</p>", "place without text"),
        ("<{{ prospect.a }}>x</p>", "place without text"),
        ("<p><!-- {{ prospect.a }} --></p>", "inside a comment"),
        ("<style>p { color: {{ prospect.a }} }</style><p>x</p>", "in the attribute style"),
        ("<style>@media x { p { color: {{ prospect.a }} } }</style><p>x</p>", "inside a style"),
        ("<table><tr><td>{{ prospect.b }}</td></tr>{{ prospect.a }}</table>", "between the rows"),
        ("<p title='{% if prospect.a %}x{% endif %}'>x</p>", "in the attribute title"),
        ("<p {% if prospect.a %}class='x'{% endif %}>x</p>", "place without text"),
    ],
)
def test_a_tag_where_no_tag_can_stand(body: str, where: str) -> None:
    found = problems(f"{AT}{body}", ext="html")
    assert found and found[0].line == 5
    assert all(where in problem.what and problem.hint for problem in found)


@pytest.mark.parametrize(
    "body",
    [
        "<p>{% if prospect.a %}one</p><p>two{% endif %}</p>",
        "<table><tbody>{% for t in prospect.l %}<tr><td>x</td></tr></tbody></table>{% endfor %}",
        "<ul>{% for t in prospect.l %}<li>x</li></ul>{% endfor %}",
        "<div>{% if prospect.a %}<b>x{% else %}</b>{% endif %}</div>",
    ],
)
def test_a_pair_opens_and_closes_under_one_parent(body: str) -> None:
    found = problems(f"---\n---\n\n  {body}", ext="html")
    assert len(found) == 1
    assert found[0].line == 4 and found[0].column > 3
    assert "opens inside <" in found[0].what and "same element" in found[0].hint


def test_a_pair_torn_by_markdown() -> None:
    (problem,) = problems("- one {% if prospect.a %}\n- two\n\n{% endif %}")
    assert (problem.line, problem.column) == (1, 7)
    assert "in line 4" in problem.what


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("<script>alert(1)</script>", "<script>"),
        ("<iframe src='https://x.example'></iframe>", "<iframe>"),
        ("<form action='https://x.example'><input></form>", "<form>"),
        ("<base href='https://evil.example'>", "<base>"),
        ("<link rel=stylesheet href=https://x.example/a.css>", "<link>"),
        ("<p onclick='x()'>y</p>", "onclick"),
        ("<svg><a href='https://x.example'>y</a></svg>", ""),
    ],
)
def test_what_mail_programs_distrust_is_refused(body: str, name: str) -> None:
    found = problems(f"---\n---\nHello\n{body}", ext="html")
    assert bool(found) == bool(name)
    if name:
        assert any(name in problem.what and problem.line == 4 for problem in found)


def test_html_in_markdown_is_refused_with_its_place() -> None:
    (problem, _) = problems("Hello\n\nand <b>loud</b>")
    assert (problem.line, problem.column) == (3, 5)
    assert ".html" in problem.hint


# what every message has


def test_the_layout_needs_a_place_for_the_body() -> None:
    for layout in ("<body>x" + FOOTER, "<body>{{ body }}{{ body }}" + FOOTER):
        assert any(
            "place for the body" in p.what and "plain.html" in p.path for p in problems("x", layout=layout)
        )


@pytest.mark.parametrize(
    "footer",
    [
        "",
        "<p>{{ sender.company }}, {{ sender.postal }}</p>",
        "<div style='display: none'>FOOTER</div>",
        "<div style='visibility:hidden'>FOOTER</div>",
        "<div style='opacity: 0'>FOOTER</div>",
        "<div hidden>FOOTER</div>",
        "{% if prospect.a %}FOOTER{% endif %}",
        "<style>.f { display: none }</style><div class=f>FOOTER</div>",
    ],
)
def test_postal_address_and_unsubscribe_link_are_in_sight_for_everyone(footer: str) -> None:
    found = problems("x", layout=f"<body>{{{{ body }}}}{footer.replace('FOOTER', FOOTER)}")
    assert any("unsubscribe" in p.what and p.path.endswith("plain.html") for p in found)
    assert len(found) == (1 if footer.startswith("<p>") else 2)


@pytest.mark.parametrize(
    ("footer", "what"),
    [
        (FOOTER.replace("{{ sender.name }}", "Us"), "neither company nor name of the sender"),
        (FOOTER.replace(">Unsubscribe<", "> <"), "a link to unsubscribe without words"),
        (FOOTER.replace(">Unsubscribe<", "><img src='https://a.example/x.png'><"), "without words"),
        (FOOTER.replace(">Unsubscribe<", "><span hidden>Unsubscribe</span><"), "without words"),
    ],
)
def test_who_writes_and_what_to_click_are_in_sight(footer: str, what: str) -> None:
    (found,) = problems("x", layout=f"<body>{{{{ body }}}}{footer}")
    assert what in found.what
    assert problems("x", layout=f"<body style='opacity: 0.9'>{{{{ body }}}}{FOOTER}") == []


def test_an_unknown_layout_and_empty_parts() -> None:
    (problem,) = problems("x", named="plane")
    assert problem.hint == "did you mean `plain`?"
    whats = [problem.what for problem in problems("---\n---\n  \n--- text\n", subject=" ")]
    assert whats == ["no subject", "nothing below the front matter", "an empty text part"]
