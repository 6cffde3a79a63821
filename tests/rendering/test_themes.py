"""Real e-mail themes: they compile, their styles are inlined, and the text part has every link."""

import re
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

from nurture.rendering import outline_of, place
from nurture.rendering.document import elements, inlined
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
    assert outline_of(piece, link=place, unsubscribe_url=place(0), first=1) is not None
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


PAIRS = DATA / "email_templates" / "inlining_pairs" / "templates"
INLINED = sorted((PAIRS / "inlined").glob("*.html"))
UNSEEN = {"head", "meta", "title", "style", "tbody"}
"""Elements whose style has no effect in these documents; `tbody` was put in by the parser."""


def effect(style: str) -> dict[str, str]:
    """The declarations of an element, spelt one way, borders taken apart."""
    found = {}
    for declaration in filter(str.strip, style.lower().split(";")):
        name, value = (side.strip() for side in declaration.split(":", 1))
        value = re.sub(r"\s*,\s*", ",", value.replace('"', "'")).removesuffix("!important").strip()
        if not re.fullmatch("border(-top|-bottom)?", name):
            found[name] = value
            continue
        for word in value.split():
            kind = "color" if word.startswith("#") else "width" if word[0].isdigit() else "style"
            found[f"{name}-{kind}"] = word
    return found


def effects(html: str) -> list[tuple[str, dict[str, str]]]:
    nodes = (node for node in elements(LexborHTMLParser(html)) if node.tag not in UNSEEN)
    return [(node.tag or "", effect(node.attributes.get("style") or "")) for node in nodes]


@pytest.mark.skipif(not INLINED, reason=NO_DATA)
@pytest.mark.parametrize("path", INLINED, ids=lambda path: path.stem)
def test_inlining_has_the_effect_of_the_reference(path: Path) -> None:
    """The reference's own document, its styles taken off and the style sheet put in: ours gives them back.

    (The documents beside `inlined/` are of a later design than these.)
    """
    reference = path.read_text(encoding="utf-8")
    tree = LexborHTMLParser(reference)
    for node in elements(tree):
        if "style" in node.attributes:
            del node.attrs["style"]
    for sheet in tree.css("style"):
        sheet.decompose()
    styles = (PAIRS / "styles.css").read_text(encoding="utf-8")
    ours = inlined((tree.html or "").replace("</head>", f"<style>{styles}</style></head>", 1))
    assert effects(ours) == effects(reference)
    assert sum(bool(found) for _, found in effects(ours)) > 20
    assert "@media only screen and (max-width: 640px)" in ours
