"""Sales' note is rendered from one nested variable, trusted as little as a prospect."""

from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser

from nurture.rendering import (
    CannotRender,
    MissingValue,
    TemplateProblems,
    UnfitValue,
    compile_packet,
    render_packet,
)
from tests.rendering.workshop import shape

HTML = """<html><head><style>td { padding: 4px }</style></head><body>
<h1>{{ packet.person.name }}</h1>
<table><tbody>{% for line in packet.intent %}
<tr><td>{{ line.signal }}</td><td>{{ line.points | round(1) }}</td></tr>
{% endfor %}</tbody></table>
<p><a href="mailto:{{ packet.person.address }}?subject={{ packet.person.name | urlencode }}">Write</a>
<a href="https://desk.acme.example/handoffs/{{ packet.number }}">Open</a></p></body></html>"""
TEXT = """Subject: {{ packet.person.name }} (grade {{ packet.grade }})
{{ packet.person.name }}
{% for line in packet.intent %}
- {{ line.signal }} {{ line.points }}
{% endfor %}
{% if packet.questions %}
Ask: {{ packet.questions | join(", ") }}
{% endif %}
"""
PACKET: dict[str, Any] = {
    "person": {"name": "Bo", "address": "bo@x.example"},
    "grade": "A",
    "number": 7,
    "intent": [{"signal": "pricing", "points": 15.0}, {"signal": "demo", "points": 2.5}],
    "questions": [],
}


def test_a_packet_fills_subject_html_and_text() -> None:
    note = render_packet(compile_packet(HTML, TEXT), PACKET)
    assert note.subject == "Bo (grade A)"
    assert note.text == "Bo\n- pricing 15\n- demo 2.5\n"
    tree = LexborHTMLParser(note.html)
    assert [cell.text() for cell in tree.css("td")] == ["pricing", "15", "demo", "2.5"]
    assert [a.attributes["href"] for a in tree.css("a")] == [
        "mailto:bo@x.example?subject=Bo", "https://desk.acme.example/handoffs/7",
    ]  # fmt: skip


def test_hostile_values_change_nothing_but_words() -> None:
    template = compile_packet(HTML, TEXT)
    hostile = '"><script>alert(1)</script>\r\nBcc: x@y.example {{ 7 }} {% if %}'
    packet = {**PACKET, "person": {"name": hostile, "address": hostile}, "number": hostile}
    note = render_packet(template, packet)
    assert shape(note.html) == shape(render_packet(template, PACKET).html)
    assert note.subject == '"><script>alert(1)</script> Bcc: x@y.example {{ 7 }} {% if %} (grade A)'
    assert note.text.startswith('"><script>alert(1)</script> Bcc: x@y.example {{ 7 }} {% if %}\n')


@pytest.mark.parametrize(
    "href", ["{{ packet.url }}", "javascript:{{ packet.x }}", "https://{{ packet.host }}/", "/x"]
)
def test_an_address_has_a_literal_beginning(href: str) -> None:
    with pytest.raises(TemplateProblems) as wrong:
        compile_packet(f"<p>\n<a href='{href}'>x</a></p>", TEXT)
    (problem,) = wrong.value.problems
    assert problem.path == "templates/sales/packet.html" and problem.line == 2


def test_problems_of_both_files_come_at_once() -> None:
    with pytest.raises(TemplateProblems) as wrong:
        compile_packet("<p>{{ prospect.name }}</p>", "No subject\n{{ packet }}\n{{ packet.a() }}")
    found = [(p.path.rsplit(".", 1)[1], p.line, p.column) for p in wrong.value.problems]
    assert found == [("html", 1, 4), ("txt", 1, 1), ("txt", 2, 1), ("txt", 3, 1)]


def test_what_the_packet_has_not_is_named() -> None:
    template = compile_packet("<p>{{ packet.a.b }} {{ packet.c | default('none') }}</p>", "Subject: x\n\nx")
    assert "none" in render_packet(template, {"a": {"b": 1}}).html
    with pytest.raises(MissingValue) as missing:
        render_packet(template, {"a": {}})
    assert missing.value.attribute == "b"


@pytest.mark.parametrize("name", ["a.format", "a.upper", "items", "keys", "d.get", "l.append", "l.index"])
def test_a_method_is_not_an_entry(name: str) -> None:
    template = compile_packet("<p>x</p>", f"Subject: x\n\n{{{{ packet.{name} }}}}")
    with pytest.raises(MissingValue):
        render_packet(template, {"a": "text", "d": {}, "l": []})


@pytest.mark.parametrize("value", [object(), ["x"] * 1_001, "x" * 2_001, b"x"])
def test_a_packet_is_plain_data(value: object) -> None:
    with pytest.raises(UnfitValue) as unfit:
        render_packet(compile_packet(HTML, TEXT), {**PACKET, "extra": {"deep": value}})
    assert unfit.value.attribute == "packet.extra.deep"


def test_a_bottomless_packet_and_an_empty_subject() -> None:
    loop: dict[str, Any] = {}
    loop["again"] = loop
    with pytest.raises(UnfitValue, match="nested too deeply"):
        render_packet(compile_packet(HTML, TEXT), loop)
    with pytest.raises(CannotRender, match="subject"):
        render_packet(
            compile_packet("<p>x</p>", "Subject: {{ packet.a }}\n\nx"),
            {"a": []},
        )
