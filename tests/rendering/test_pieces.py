"""What becomes of a piece: HTML inside the layout, a text part, numbered links, needed attributes."""

import pytest
from selectolax.lexbor import LexborHTMLParser

from nurture.rendering import CLIPPED_FROM, MissingValue, Template
from tests.rendering.workshop import FOOTER, compiled, filled, problems, visible


def test_markdown_stands_in_the_layout_with_its_styles_inlined() -> None:
    html = filled(compiled("Hello **{{ prospect.first_name }}**"), {"first_name": "Bo"}).html
    assert '<p style="color: #222222;">Hello <strong>Bo</strong></p>' in html
    assert "@media (max-width: 480px)" in html
    assert "<title>News</title>" in html


def test_html_without_a_layout_is_a_whole_document() -> None:
    body = f"<html><head><style>b {{ color: red }}</style></head><body><b>Hi</b>{FOOTER}</body></html>"
    assert '<b style="color: red;">Hi</b>' in filled(compiled(body, ext="html", layout=None)).html


def test_a_value_is_never_markup() -> None:
    piece = compiled("*{{ prospect.name }}* <https://acme.example/x>\n\n{{ prospect.name }}")
    for name in (
        "<b>Bo</b>",
        "[Bo](https://evil.example)",
        "**Bo**",
        "# Bo",
        "{{ 7 }}",
        "{% if %}",
        "`x` | y",
    ):
        message = filled(piece, {"name": name})
        assert visible(message.html).startswith(f"{name} https://acme.example/x {name}")
        assert len(LexborHTMLParser(message.html).css("a")) == 2
        assert message.text.startswith(f"{name} https://t.example/c?n=1&k=1\n\n{name}\n")


def test_signs_of_jinja_that_no_tag_are_stay_text() -> None:
    piece = compiled("&#123;&#123; prospect.x }} and {\\{ 1 }} and {{ '{{' }} and {{ '{%' }} {")
    message = filled(piece)
    assert visible(message.html).startswith("{{ prospect.x }} and {{ 1 }} and {{ and {% {")
    assert message.text.startswith("{{ prospect.x }} and {{ 1 }} and {{ and {% {")


def test_a_line_of_statements_is_no_paragraph() -> None:
    piece = compiled("One\n{% if prospect.a %}\nTwo\n{% else %}\nThree\n{% endif %}\nFour")
    assert filled(piece, {"a": "x"}).text.startswith("One\n\nTwo\n\nFour\n")
    message = filled(piece)
    assert message.text.startswith("One\n\nThree\n\nFour\n")
    assert [p.text() for p in LexborHTMLParser(message.html).css("p")[:3]] == ["One", "Three", "Four"]


def test_statements_inside_a_line_keep_the_paragraph() -> None:
    piece = compiled("Hello {% if prospect.a %}dear {{ prospect.a }}{% else %}you{% endif %}, *well*.")
    assert filled(piece, {"a": "Bo"}).text.startswith("Hello dear Bo, well.\n")
    assert filled(piece).text.startswith("Hello you, well.\n")


@pytest.mark.parametrize("gap", ["", "\n"])
def test_a_loop_around_a_list_item_repeats_the_item(gap: str) -> None:
    piece = compiled(f"{{% for t in prospect.tools %}}\n{gap}- uses {{{{ t }}}}\n{gap}{{% endfor %}}")
    message = filled(piece, {"tools": ["a", "b", "c"]})
    (only,) = LexborHTMLParser(message.html).css("ul")
    assert [item.text(strip=True) for item in only.css("li")] == ["uses a", "uses b", "uses c"]
    assert message.text.startswith("- uses a\n- uses b\n- uses c\n\n")


def test_statements_between_list_items_leave_the_list_whole() -> None:
    piece = compiled(
        "- one\n{% if prospect.a %}\n- two\n{% endif %}\n- three\n"
        "{% for t in prospect.l | default([]) %}\n- {{ t }}\n{% endfor %}\n\nEnd"
    )
    message = filled(piece, {"a": "x", "l": ["four", "five"]})
    (only,) = LexborHTMLParser(message.html).css("ul")
    assert [item.text(strip=True) for item in only.css("li")] == ["one", "two", "three", "four", "five"]
    assert filled(piece).text.startswith("- one\n- three\n\nEnd\n")


def test_a_loop_over_table_rows_works_in_html_and_in_markdown() -> None:
    rows = "{% for t in prospect.tools %}\n<tr><td>{{ loop.index }}</td><td>{{ t }}</td></tr>\n{% endfor %}"
    in_html = f"<table><thead><tr><th>No</th><th>Tool</th></tr></thead><tbody>{rows}</tbody></table>"
    in_markdown = (
        "| No | Tool |\n|---|---|\n{% for t in prospect.tools %}\n"
        "| {{ loop.index }} | {{ t }} |\n{% endfor %}\n"
    )
    for piece in (compiled(in_html, ext="html"), compiled(in_markdown)):
        message = filled(piece, {"tools": ["hammer", "saw"]})
        cells = [cell.text() for cell in LexborHTMLParser(message.html).css("tbody td")]
        assert cells == ["1", "hammer", "2", "saw"]
        assert message.text.startswith("No | Tool\n1 | hammer\n2 | saw\n\n")


def test_a_table_without_values_stands_in_columns() -> None:
    text = filled(compiled("| Way | Days |\n|---|--:|\n| By hand | 9 |\n| By tool | 12 |")).text
    assert text.startswith("Way      Days\nBy hand     9\nBy tool    12\n\n")


def test_a_paragraph_that_is_a_link_is_the_action() -> None:
    message = filled(compiled("[Read it](/guide)\n\nOr [this](/other), later."))
    paragraphs = LexborHTMLParser(message.html).css("p")
    assert [p.attributes.get("class") for p in paragraphs[:2]] == ["action", None]
    assert message.text.startswith(
        "Read it:\nhttps://t.example/c?n=1&k=1\n\nOr this <https://t.example/c?n=2&k=1>, later.\n"
    )


def test_indented_lines_are_no_code() -> None:
    assert filled(compiled("{% if prospect.a %}\n    Text\n{% endif %}"), {"a": 1}).text.startswith("Text\n")


# links


def test_links_are_absolute_numbered_and_stored_once() -> None:
    piece = compiled(
        "[a](/a?x=1&y=2) [b](https://other.example/b) [again](/a?x=1&y=2)\n[c]({{ site.url }}/c#top) [d](d)"
        "\n\n"
        "[mail](mailto:{{ sender.address }}) [call](tel:+441)"
    )
    assert piece.links == (
        "https://acme.example/a?x=1&y=2",
        "https://other.example/b",
        "https://acme.example/c#top",
        "https://acme.example/d",
    )
    message = filled(piece)
    hrefs = [a.attributes["href"] for a in LexborHTMLParser(message.html).css("a")]
    tracked = [f"https://t.example/c?n={n}&k=1" for n in (1, 2, 1, 3, 4)]
    assert hrefs == [*tracked, "mailto:ada@acme.example", "tel:+441", "https://t.example/u?t=abc&k=1"]
    for target in (*tracked, "ada@acme.example", "+441", "https://t.example/u?t=abc&k=1"):
        assert target in message.text


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)", "JaVaScRiPt:x", "data:text/html,x", "vbscript:x", "file:///etc/passwd",
        "ftp://acme.example/x", "https://", "https://user:pw@acme.example/", "http://acme.example:0/",
        "https://acme.example:port/", "https://[::1", "/a\\b", "#", "//user@x/",
    ],
)  # fmt: skip
def test_a_link_that_is_no_web_address_is_refused_with_its_place(target: str) -> None:
    (problem,) = problems(f'---\ntitle: x\n---\n<p>Hello\n<a href="{target}">x</a></p>', ext="html")
    assert (problem.line, problem.path) == (5, "templates/early/piece.html")
    assert problem.hint


@pytest.mark.parametrize(
    "body",
    [
        "[x](https://{{ prospect.host }}/)",
        "[x](/a?name={{ prospect.name }})",
        "[x]({{ prospect.url }})",
        "<https://acme.example/{{ prospect.name }}>",
        "![alt]({{ prospect.picture }})",
        "--- text\n".join(["Hello\n", "see https://acme.example/{{ prospect.name }}"]),
    ],
)
def test_no_value_in_an_address(body: str) -> None:
    found = problems(body)
    assert any("literal" in problem.what for problem in found)
    assert all(problem.line and problem.column for problem in found)


def test_pictures_are_completed_and_not_counted() -> None:
    piece = compiled("![A chart](/chart.png)")
    assert piece.links == ()
    message = filled(piece)
    assert 'src="https://acme.example/chart.png"' in message.html
    assert message.text.startswith("A chart\n")


# the text part


def test_an_authored_text_part_wins_and_its_links_count() -> None:
    piece = compiled(
        "[Guide](/guide)\n--- text\nHi {{ prospect.name | default('you') }}: {{ site.url }}/guide, or\n"
        "https://other.example/x.\n{% if prospect.name %}\nBye\n{% endif %}\n- {{ sender.postal }}\n"
    )
    assert piece.links == ("https://acme.example/guide", "https://other.example/x")
    assert filled(piece, {"name": "<Bo> & {{ x }}"}).text == (
        "Hi <Bo> & {{ x }}: https://t.example/c?n=1&k=1, or\nhttps://t.example/c?n=2&k=1.\nBye\n"
        "- 1 Mill Road, York\n\n-- \nUnsubscribe: https://t.example/u?t=abc&k=1\n"
    )


def test_the_text_part_shows_what_is_visible() -> None:
    body = (
        "<h1>Head</h1><p>One<br>two &amp; three&nbsp;four</p><div style='display:none'>unseen</div>"
        "<blockquote><p>said</p><p>again</p></blockquote><ol><li>a</li><li>b<ul><li>c</li></ul></li></ol><hr>"
        "<pre>x\n  y</pre><table role='presentation'><tr><td>left</td><td>right</td></tr></table>"
        "<a href='/p'><img src='/p.png' alt='Picture'></a>"
    )
    assert filled(compiled(body, ext="html")).text.startswith(
        "Head\n\nOne\ntwo & three four\n\n> said\n>\n> again\n\n1. a\n2. b\n  - c\n\n---\n\nx\n  y\n\n"
        "left\n\nright\n\nPicture <https://t.example/c?n=1&k=1>\n\nAda Ray, 1 Mill Road"
    )


# subject and preheader


def test_the_preheader_is_in_the_html_unseen_and_not_in_the_text() -> None:
    message = filled(
        compiled("Hello", preheader="For {{ prospect.name | default('you') }} <3"), {"name": "B"}
    )
    first = LexborHTMLParser(message.html).css("body > *")[0]
    assert first.text() == "For B <3"
    assert "display: none" in (first.attributes["style"] or "")
    assert "For B" not in message.text


def test_a_layout_may_place_the_preheader_itself() -> None:
    layout = "<body>{% if preheader %}<i>{{ preheader }}</i>{% endif %}{{ body }}" + FOOTER
    assert filled(compiled("Hello", layout=layout, preheader="Short")).html.count("Short") == 1
    assert "<i>" not in filled(compiled("Hello", layout=layout)).html


def test_subject_and_sender_and_piece_fill_in() -> None:
    piece = compiled(
        "{{ piece.title }} of {{ sender.company }}", subject="{{ prospect.name }}: {{ piece.title }}"
    )
    message = filled(piece, {"name": "A & B"})
    assert message.subject == "A & B: A piece"
    assert "A piece of Acme &amp; Sons" in message.html
    assert message.text.startswith("A piece of Acme & Sons\n")
    assert "<title>A &amp; B: A piece</title>" in message.html


# what it needs


@pytest.mark.parametrize(
    ("body", "uses"),
    [
        ("{{ prospect.a }}", {"a"}),
        ("{{ prospect['a'] | upper }}", {"a"}),
        ("{{ prospect.a | default('x') }}", set()),
        ("{{ prospect.a | default(prospect.b) }}", {"b"}),
        ("{{ prospect.a | upper | default('x') }}", {"a"}),
        ("{{ prospect.a or 'x' }}", set()),
        ("{{ prospect.a or prospect.b }}", {"b"}),
        ("{{ prospect.a if prospect.a else 'x' }}", set()),
        ("{{ 'x' if not prospect.a else prospect.a }}", set()),
        ("{% if prospect.a %}{{ prospect.a }}{% endif %}", set()),
        ("{% if prospect.a is defined %}{{ prospect.a }}{% endif %}", set()),
        ("{% if prospect.a is not none %}{{ prospect.a }}{% endif %}", set()),
        ("{% if prospect.a is undefined %}x{% else %}{{ prospect.a }}{% endif %}", set()),
        ("{% if prospect.a is undefined %}{{ prospect.a }}{% endif %}", {"a"}),
        ("{% if prospect.a %}x{% else %}{{ prospect.a }}{% endif %}", {"a"}),
        ("{% if prospect.a %}x{% endif %}{{ prospect.a }}", {"a"}),
        ("{% if prospect.a and prospect.b %}{{ prospect.a }}{{ prospect.b }}{% endif %}", set()),
        ("{% if prospect.a or prospect.b %}{{ prospect.a }}{% endif %}", {"a"}),
        ("{% if not prospect.a or not prospect.b %}x{% else %}{{ prospect.a }}{% endif %}", set()),
        ("{% if prospect.a and prospect.a == 'x' %}y{% endif %}", set()),
        ("{% if prospect.a == 'x' %}y{% endif %}", {"a"}),
        ("{% if prospect.b %}x{% elif prospect.a %}{{ prospect.a }}{% endif %}", set()),
        ("{% if prospect.a is undefined %}x{% elif prospect.a == 'x' %}y{% endif %}", set()),
        ("{% for t in prospect.a %}{{ t }}{% endfor %}", {"a"}),
        ("{% for t in prospect.a | default([]) %}{{ t }}{% endfor %}", set()),
        ("{% if prospect.a %}{% for t in prospect.a %}{{ t }}{% endfor %}{% endif %}", set()),
        ("{{ prospect.a[0] }}", {"a"}),
        ("x\n--- text\n{{ prospect.a }}", {"a"}),
    ],
)  # fmt: skip
def test_uses_are_the_attributes_without_a_way_around(body: str, uses: set[str]) -> None:
    piece = compiled(body)
    assert set(piece.uses) == uses
    for needed in uses:
        rest = {name: "x" for name in piece.mentions if name != needed}
        with pytest.raises(MissingValue) as missing:
            filled(piece, rest)
        assert missing.value.attribute == needed
    filled(piece, dict.fromkeys(uses, "x"))


def test_subject_and_layout_count_too_and_names_have_places() -> None:
    layout = "<body>\n<p>{{ prospect.b | default('') }}</p>{{ body }}" + FOOTER
    piece = compiled("---\nx: y\n---\nHi\n  {{ prospect.c }}", layout=layout, subject="To {{ prospect.a }}")
    assert piece.uses == ("a", "c")
    assert piece.mentions == ("a", "b", "c")
    assert [(name.attribute, name.line, name.column) for name in piece.names] == [
        ("a", 2, 25), ("c", 5, 15), ("b", 2, 16),
    ]  # fmt: skip
    assert [name.path.rsplit("/", 1)[-1] for name in piece.names] == ["piece.md", "piece.md", "plain.html"]


# sizes


def test_a_message_that_receivers_cut_is_warned_of() -> None:
    small, large = compiled("word " * 500), compiled("word " * 22_000)
    assert small.size < CLIPPED_FROM and not small.warnings
    (warning,) = large.warnings
    assert large.size > CLIPPED_FROM
    assert "KB" in warning.what and warning.path == large.path


def test_a_piece_that_branches_is_said_to_be_slower() -> None:
    """Once, where it first does; a choice inside a value is none."""
    body = "Hi\n\n{% if prospect.a %}\nA\n{% endif %}\n\n{% for b in prospect.b %}{{ b }}{% endfor %}\n"
    (warning,) = compiled(body).warnings
    assert (warning.line, warning.column, warning.path) == (3, 1, "templates/early/piece.md")
    assert "written anew" in warning.what
    layout = "<body>\n{% if prospect.a %}<p>x</p>{% endif %}{{ body }}" + FOOTER
    (warning,) = compiled("Hi", layout=layout).warnings
    assert (warning.line, warning.path) == (2, "templates/layouts/plain.html")
    (warning,) = compiled("Hi", subject="{% if prospect.a %}a{% else %}b{% endif %}").warnings
    assert (warning.line, warning.column) == (2, 10)
    assert not compiled("{{ 'a' if prospect.a else 'b' }} {{ prospect.b | default('c') | upper }}").warnings


def test_compiling_twice_gives_the_same_message() -> None:
    def once() -> Template:
        return compiled("Hello {{ prospect.a }} [x](/x)")

    assert filled(once(), {"a": "b"}) == filled(once(), {"a": "b"})
    assert once().links == once().links
