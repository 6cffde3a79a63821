"""Our pages as a person without a mouse sees them: forms, their fields, and the button that is pressed."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from html.parser import HTMLParser
from urllib.parse import urljoin

from nurture import clock

READING = timedelta(seconds=2)


@dataclass
class Form:
    """What a form would send, and its buttons."""

    action: str = ""
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.forms = []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "form":
            self.forms.append(Form(given.get("action") or ""))
        elif tag == "button":
            self.forms[-1].buttons.append((given.get("name", ""), given.get("value", "")))
        elif tag == "input" and given.get("name") and _is_sent(given):
            self.forms[-1].fields.append((given["name"], given.get("value") or ""))


def _is_sent(given):
    return given.get("type") not in ("checkbox", "radio") or "checked" in given


def forms_of(text):
    """The forms of a page."""
    reader = _Reader()
    reader.feed(text)
    return reader.forms


def words_of(text):
    """What a page says."""
    body = re.sub(r"<style>.*?</style>|<title>.*?</title>", "", text, flags=re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def press(world, page, button, *, wait=READING, headers=None, **typed):
    """Read a page for a while and press one of its buttons; a value of None leaves a field out."""
    clock.set_virtual(clock.now() + wait)
    form = next(form for form in forms_of(page.text) if ("do", button) in form.buttons)
    fields = {}
    for name, value in form.fields:
        fields.setdefault(name, []).append(value)
    fields |= {name.replace("_", "-"): value for name, value in typed.items()} | {"do": button}
    data = {name: value for name, value in fields.items() if value is not None}
    return world.client.post(urljoin(str(page.url), form.action), data=data, headers=headers)


def visit(world, purpose="u", prospect=1, centre=False):
    """The page behind the link of a message, or the preferences behind that."""
    return world.client.get(f"/u/{world.sign(purpose, prospect)}{'/preferences' if centre else ''}")
