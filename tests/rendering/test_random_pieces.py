"""Whatever an author writes: problems with a place, or a piece in which values change only words."""

from hypothesis import given, settings
from hypothesis import strategies as some

from nurture.rendering import CannotRender, TemplateProblems
from tests.rendering.workshop import compiled, filled, shape

FRAGMENTS = [
    "{{ prospect.a }}", "{{ prospect.a | default('x') }}", "{% if prospect.a %}", "{% else %}",
    "{% endif %}", "{% for t in prospect.l %}", "{% endfor %}", "{{ t }}", "{# c #}", "{{", "}}", "{%",
    "{", "\n", "\n\n", "\n- ", "\n> ", "\n| a | b |\n|---|---|\n", "| x |", "*", "**", "`", "```\n",
    "[x](/y)", "[x](", "<a href='/z'>", "</a>", "<p>", "</p>", "<b>", "</b>", "<table>", "<tr>", "<td>",
    "</td>", "</tr>", "</table>", "<ul>", "<li>", "</ul>", "<!--", "-->", "<style>p{color:red}</style>",
    "<div style='display:none'>", "</div>", "text", "'", "\"", "<img src='/i.png' alt='", "'>",
    "title='", "\\", "&amp;", "&#123;", "    ", "--- text\n", "{{ site.url }}", "<title>", "</title>",
    "<svg>", "<math>", "<template>", "<pre>", "<br>", "<![CDATA[", "</body>", "<plaintext>",
]  # fmt: skip
VALUES = [
    '"><script>x</script>',
    "--><b>",
    "{{ 7 }}",
    "' onx='1",
    "</title><b>",
    "<!--",
    "]]>",
    "&lt;",
    "*b* `c`",
]


@settings(max_examples=400, deadline=None)
@given(some.lists(some.sampled_from(FRAGMENTS), max_size=12).map("".join), some.sampled_from(["md", "html"]))
def test_any_text_gives_problems_or_a_sound_message(body: str, ext: str) -> None:
    try:
        piece = compiled(body, ext=ext)
    except TemplateProblems as wrong:
        assert all(problem.line >= 1 and problem.column >= 1 for problem in wrong.problems)
        return
    try:
        plain = shape(filled(piece, {"a": "Anna", "l": ["Anna"]}).html)
    except CannotRender:
        return
    for value in VALUES:
        assert shape(filled(piece, {"a": value, "l": [value]}).html) == plain
