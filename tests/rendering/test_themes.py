"""Real e-mail themes: they compile, their styles are inlined, and the text part has every link."""

import re
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.rendering.workshop import DATA, FOOTER, NO_DATA, compiled, filled, shape

THEMES = sorted((DATA / "email_templates" / "jinja").glob("*/*.html"))
NO_ADDRESS = re.compile(r'(<a\b[^>]*?href=)"(?:#|http://|)"', re.DOTALL)


def with_addresses(theme: str) -> str:
    """The theme with an address of its own for each of its blank links, our names, and a footer."""
    count = iter(range(1, 1_000))
    theme = NO_ADDRESS.sub(lambda found: f'{found.group(1)}"https://acme.example/{next(count)}"', theme)
    return theme.replace("{{ first_name }}", "{{ prospect.first_name }}").replace(
        "</body>", f"{FOOTER}</body>"
    )


@pytest.mark.skipif(not THEMES, reason=NO_DATA)
@pytest.mark.parametrize("path", THEMES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_theme_renders_with_every_link_in_both_parts(path: Path) -> None:
    theme = with_addresses(path.read_text(encoding="utf-8"))
    piece = compiled(theme, ext="html", layout=None)
    name = "<b>O'Neil & Söhne</b>"
    message = filled(piece, {"first_name": name})
    targets = re.findall(r'<a\b[^>]*?href="(https?://[^"]+)"', theme)
    assert set(piece.links) == {
        target.rstrip("/") if target.count("/") == 2 else target for target in targets
    }
    for number in range(1, len(piece.links) + 1):
        assert f"https://t.example/c?n={number}&amp;k=1" in message.html
        assert f"https://t.example/c?n={number}&k=1" in message.text
    assert (name in message.text) == ("first_name" in theme)
    assert shape(message.html) == shape(filled(piece, {"first_name": "Anna"}).html)
    assert len(LexborHTMLParser(message.html).css("[style]")) > len(LexborHTMLParser(theme).css("[style]"))
