"""The unsubscribe link case by case (docs/preferences.md): what is sent, what is answered, what is changed.

A row is a request, or several, and what must come of it: the status, the type of the answer, and the way in
which the person is unsubscribed then (None: not at all). Page presses say how long the page was read.
"""

import asyncio
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import product
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from httpx2 import ASGITransport, AsyncClient

from nurture import clock
from nurture.core.facts import Unsubscribed
from nurture.delivery.tokens import Keys, sign
from nurture.engine.unsubscribing import KIND, taker
from nurture.store import Store
from nurture.store.tables import touch_id
from nurture.web import create_app
from tests.web.conftest import FIREFOX, NOON, World, browser, fill, make_needs

FORM = "application/x-www-form-urlencoded"
PARTS = 'multipart/form-data; boundary="b 1"'
EXACT = b"List-Unsubscribe=One-Click"
CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
)
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)
OLD = {"k1": b"t" * 32}
NEW = {**OLD, "k2": b"u" * 32, "k255": b"v" * 32}
FIRST = Keys("k1", OLD)
TOUCH = touch_id(1, 1)
GOOD = sign(FIRST, "u", TOUCH)

PLAIN, HTML = "text/plain", "text/html"


def parts(*fields: tuple[str, str], file: str = "") -> bytes:
    """A multipart body."""
    named = f'; filename="{file}"' if file else ""
    each = [
        f'--b 1\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n{value}\r\n'
        for name, value in fields
    ]
    return ("".join(each) + "--b 1--\r\n").encode()


@dataclass(frozen=True)
class Case:
    """One row."""

    name: str
    status: int
    way: str | None
    body: bytes | None = EXACT
    method: str = "POST"
    kind: str = FORM
    headers: dict[str, str] = field(default_factory=dict)
    token: str = GOOD
    query: str = ""
    answer: str = PLAIN
    keys: Keys = FIRST
    times: int = 1
    read: float | None = None
    """Seconds between the page and the press; None where no page was shown."""
    again: bool = False
    locked: bool = False

    def content(self) -> bytes | None:
        """The body, for a press with the fields of the page."""
        if self.read is None:
            return self.body
        shown = int((NOON - timedelta(seconds=self.read)).timestamp() * 1000)
        again = b"&again=1" if self.again else b""
        return b"shown=%d%s&%s" % (shown, again, self.body or b"")


ONE_CLICKS: dict[str, tuple[str, bytes]] = {
    "urlencoded": (FORM, EXACT),
    "urlencoded, charset": (f"{FORM}; charset=UTF-8", EXACT),
    "urlencoded, line end": (FORM, EXACT + b"\r\n"),
    "urlencoded, escaped": (FORM, b"List%2DUnsubscribe=One%2DClick"),
    "urlencoded, other case": (FORM, b"list-unsubscribe=one-click"),
    "urlencoded, more fields": (FORM, b"a=1&" + EXACT + b"&b=2"),
    "urlencoded, no type": ("", EXACT),
    "multipart": (PARTS, parts(("List-Unsubscribe", "One-Click"))),
    "multipart, other case of type": (
        PARTS.replace("form-data", "Form-Data"), parts(("List-Unsubscribe", "One-Click"))
    ),
    "multipart, more fields": (PARTS, parts(("a", "1"), ("List-Unsubscribe", "One-Click"))),
    "multipart, line end": (PARTS, parts(("List-Unsubscribe", "One-Click\r\n"))),
}  # fmt: skip
STRANGE: dict[str, dict[str, str]] = {
    "foreign origin": {"origin": "https://evil.example", "referer": "https://evil.example/x"},
    "null origin": {"origin": "null"},
    "a cookie": {"cookie": "session=1; csrf=2"},
    "prefetch": {"sec-purpose": "prefetch;prerender", "purpose": "prefetch", "x-moz": "prefetch"},
    "no agent": {"user-agent": ""},
    "a library's agent": {"user-agent": "python-requests/2.32"},
    "Google's agent": {"user-agent": "Mozilla/5.0 (compatible; GoogleOneClick; +https://google.com/)"},
    "cross-site fetch": {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
    "wants JSON": {"accept": "application/json"},
    "forwarded": {"x-forwarded-for": "203.0.113.9, 10.0.0.1", "forwarded": "for=_x"},
}

ASKS: dict[str, dict[str, str]] = {
    "a browser": {},
    "a prefetch": {"sec-purpose": "prefetch", "purpose": "prefetch"},
    "SafeLinks": {"user-agent": CHROME, "x-ms-safelinks": "1"},
    "a library": {"user-agent": "python-requests/2.32"},
    "no agent": {"user-agent": ""},
}
QUERIES = ("", "?List-Unsubscribe=One-Click", "?do=stop&shown=1&again=1&confirm=1")

BODIES: dict[str, tuple[str, bytes]] = {
    "nothing": (FORM, b""),
    "noise": (FORM, b"\xff\x00\xfe"),
    "an old page's button": (FORM, b"confirm=1"),
    "another value": (FORM, b"List-Unsubscribe=Two-Click"),
    "an empty value": (FORM, b"List-Unsubscribe="),
    "the words as text": ("text/plain", b"please unsubscribe"),
    "JSON": ("application/json", b'{"List-Unsubscribe": "One-Click"}'),
    "a file": (PARTS, parts(("List-Unsubscribe", "One-Click"), file="a.txt")),
    "multipart without boundary": ("multipart/form-data", EXACT),
    "multipart cut short": (PARTS, b"--b 1\r\nContent-Disposition: form"),
    "101 fields": (FORM, b"&".join(b"a=1" for _ in range(101))),
    "8192 bytes of nothing": (FORM, b"&" * 8192),
}

STOP = b"do=stop"
ACTIVE = {"user-agent": CHROME, "sec-fetch-mode": "navigate", "sec-fetch-user": "?1"}
SCRIPTED = {"user-agent": CHROME, "sec-fetch-mode": "navigate"}
PRESSES = [
    Case("read for two seconds", 200, "page", STOP, read=2),
    Case("read for a day", 200, "page", STOP, read=86_400),
    Case("Chrome, a person", 200, "page", STOP, read=2, headers=ACTIVE),
    Case("Safari, which does not tell", 200, "page", STOP, read=2,
         headers={"user-agent": SAFARI, "sec-fetch-mode": "navigate"}),
    Case("a foreign origin", 200, "page", STOP, read=2, headers=STRANGE["foreign origin"]),
    Case("at once", 422, None, STOP, read=0.2),
    Case("before it was shown", 422, None, STOP, read=-60),
    Case("never shown", 422, None, STOP),
    Case("shown when nobody can say", 422, None, STOP + b"&shown=soon"),
    Case("shown in no year", 422, None, STOP + b"&shown=" + b"9" * 400),
    Case("without its button, as scripts submit", 422, None, b"a=1", read=5),
    Case("another button", 422, None, b"do=save", read=5),
    Case("Chrome, a script", 422, None, STOP, read=5, headers=SCRIPTED),
    Case("Firefox, a script", 422, None, STOP, read=5, headers={"sec-fetch-mode": "navigate"}),
    Case("a library", 422, None, STOP, read=5, headers={"user-agent": "python-requests/2.32"}),
    Case("a headless browser", 422, None, STOP, read=5,
         headers={"user-agent": CHROME.replace("Chrome/", "HeadlessChrome/")}),
    Case("a prefetch", 422, None, STOP, read=5, headers={"sec-purpose": "prefetch"}),
    Case("again, by a person", 200, "page", STOP, read=1, again=True),
    Case("again, by a text browser", 200, "page", STOP, read=4, again=True,
         headers={"user-agent": "Lynx/2.9"}),
    Case("again, through a browser far away", 200, "page", STOP, read=4, again=True, headers=SCRIPTED),
    Case("again, at once", 422, None, STOP, read=0.2, again=True),
    Case("again, by a quick library", 422, None, STOP, read=1, again=True, headers={"user-agent": "curl/8"}),
    Case("again, by a quick script", 422, None, STOP, read=1, again=True, headers=SCRIPTED),
    Case("again, without its button", 422, None, b"a=1", read=9, again=True),
    Case("again, a prefetch", 422, None, STOP, read=9, again=True, headers={"purpose": "prefetch"}),
]  # fmt: skip

BAD_TOKENS = {
    "a letter changed": GOOD[:-1] + ("A" if GOOD[-1] != "A" else "E"),
    "another person's number": GOOD[:6] + ("B" if GOOD[6] != "B" else "C") + GOOD[7:],
    "cut short": GOOD[:-3],
    "one letter more": GOOD + "A",
    "padded": GOOD + "==",
    "for clicks": sign(FIRST, "c", TOUCH),
    "for answers": sign(FIRST, "r", TOUCH),
    "of somebody else's key": sign(Keys("k1", {"k1": b"x" * 32}), "u", TOUCH),
    "of a key we never had": sign(Keys("k9", {"k9": b"t" * 32}), "u", TOUCH),
    "other letters": "%C3%A9" * 10,
}


def _cases() -> list[Case]:
    cases = [
        Case(f"one click: {name}", 200, "one_click", body, kind=kind)
        for name, (kind, body) in ONE_CLICKS.items()
    ]
    cases += [
        Case(f"one click with {name}: {kind[:9]}", 200, "one_click", body, kind=kind, headers=headers)
        for (name, headers), (kind, body) in product(
            STRANGE.items(), [ONE_CLICKS["urlencoded"], ONE_CLICKS["multipart"]]
        )
    ]
    cases += [
        Case(
            f"{method} by {name}{query}",
            200,
            None,
            None,
            method,
            "",
            headers,
            query=query,
            answer=HTML,
            times=2,
        )
        for method, (name, headers), query in product(("GET", "HEAD"), ASKS.items(), QUERIES[:2])
    ]
    cases += [
        Case(f"{method}{QUERIES[2]}", 405, None, EXACT, method, query=QUERIES[2], answer=HTML)
        for method in ("OPTIONS", "PUT", "PATCH", "DELETE")
    ]
    cases += [
        Case(f"body: {name}", 422, None, body, kind=kind, answer=HTML)
        for name, (kind, body) in BODIES.items()
    ]
    cases += [
        Case("8192 bytes, one click", 200, "one_click", EXACT + b"&a=" + b"x" * (8192 - len(EXACT) - 3)),
        Case("8193 bytes", 413, None, EXACT + b"&" * (8193 - len(EXACT)), answer=HTML),
        Case("a megabyte", 413, None, EXACT + b"&" * 1_000_000, answer=HTML),
    ]
    cases += [Case(**{**case.__dict__, "answer": HTML, "name": f"press: {case.name}"}) for case in PRESSES]
    cases += [
        Case(f"{method}, token {name}", 404, None, body, method, token=token, answer=HTML)
        for (name, token), (method, body) in product(BAD_TOKENS.items(), [("POST", EXACT), ("GET", None)])
    ]
    cases += [
        Case(
            f"key k1 after {current}: {kind[:9]}", 200, "one_click", body, kind=kind, keys=Keys(current, NEW)
        )
        for current, (kind, body) in product(
            ("k2", "k255"), [ONE_CLICKS["urlencoded"], ONE_CLICKS["multipart"]]
        )
    ]
    cases += [
        Case("the page after a new key", 200, None, None, "GET", keys=Keys("k2", NEW), answer=HTML),
        Case("the button after a new key", 200, "page", STOP, keys=Keys("k2", NEW), read=2, answer=HTML),
        Case("a new key's token", 200, "one_click", token=sign(Keys("k2", NEW), "u", TOUCH),
             keys=Keys("k2", NEW)),
        Case("a token that names a link, too", 200, "one_click", token=sign(FIRST, "u", TOUCH, 3)),
        Case("twice", 200, "one_click", times=2),
        Case("ten times", 200, "one_click", times=10),
        Case("the button, three times", 200, "page", STOP, read=2, answer=HTML, times=3),
        Case("locked: one click, urlencoded", 200, "one_click", locked=True),
        Case("locked: one click, multipart", 200, "one_click", *[ONE_CLICKS["multipart"][1]],
             kind=PARTS, locked=True),
        Case("locked: twice", 200, "one_click", times=2, locked=True),
        Case("locked: the button", 200, "page", STOP, read=2, answer=HTML, locked=True),
        Case("locked: the page", 200, None, None, "GET", answer=HTML, locked=True),
        Case("locked: HEAD", 200, None, None, "HEAD", answer=HTML, locked=True),
        Case("locked: a bad token", 404, None, token="x", answer=HTML, locked=True),
        Case("locked: a script", 422, None, STOP, read=5, headers=SCRIPTED, answer=HTML, locked=True),
    ]  # fmt: skip
    return cases


CASES = _cases()


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 120
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.fixture(scope="module")
def pattern(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filled database to copy."""
    path = tmp_path_factory.mktemp("pattern") / "nurture.db"
    copyfile(sqlite_template, path)
    with clock.virtual(NOON), Store(f"sqlite:///{path}") as store:
        store.write_now(fill)
    return path


@pytest.fixture
def filled(pattern: Path, tmp_path: Path) -> Iterator[tuple[Store, Path]]:
    """An open database of its own, and the folder it stands in."""
    copyfile(pattern, tmp_path / "nurture.db")
    with Store(f"sqlite:///{tmp_path / 'nurture.db'}") as store:
        yield store, tmp_path


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case, filled: Any, noon: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store, folder = filled
    monkeypatch.setattr("nurture.web.unsubscribing.PATIENCE", 0.05 if case.locked else 5)
    needs = make_needs(store, folder, keys=case.keys)
    locker = sqlite3.connect(store.database, isolation_level=None)
    if case.locked:
        locker.execute("BEGIN IMMEDIATE")
    try:
        for _ in range(case.times):
            _check_answer(case, _send(case, browser(needs)))
    finally:
        locker.close()
    needs.journal.replay({KIND: taker(store, needs.suppression_key, lambda: "p1", clock.now)})
    world = World(needs, browser(needs))
    assert world.facts(1) == ([Unsubscribed("all", case.way)] if case.way else [])
    assert [(one.reason, one.at) for one in world.suppressions()] == (
        [("unsubscribed", NOON)] if case.way else []
    )
    assert world.facts(2) == []


def _send(case: Case, client: Any) -> Any:
    headers = {"user-agent": FIREFOX} | ({"content-type": case.kind} if case.kind else {}) | case.headers
    return client.request(
        case.method, f"/u/{case.token}{case.query}", content=case.content(), headers=headers
    )


def _check_answer(case: Case, answer: Any) -> None:
    assert answer.status_code == case.status
    assert answer.headers["content-type"].startswith(case.answer)
    assert "location" not in answer.headers and "set-cookie" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"
    assert "form-action 'self'" in answer.headers["content-security-policy"]
    if case.method == "HEAD":
        assert answer.content == b""
    elif case.answer == PLAIN:
        assert len(answer.content) <= 1024
    else:
        assert "<script" not in answer.text and "ada@" not in answer.text


def test_twenty_at_the_same_moment_are_one(filled: Any, noon: Any) -> None:
    store, folder = filled
    needs = make_needs(store, folder)

    async def all_at_once() -> list[int]:
        transport = ASGITransport(create_app(needs))
        async with AsyncClient(transport=transport, base_url="https://t.example") as client:
            asked = [client.post(f"/u/{GOOD}", content=EXACT) for _ in range(20)]
            return [answer.status_code for answer in await asyncio.gather(*asked)]

    assert asyncio.run(all_at_once()) == [200] * 20
    assert World(needs, browser(needs)).facts(1) == [Unsubscribed("all", "one_click")]
