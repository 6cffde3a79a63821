"""Any bytes are a message: reading never raises, and takes bounded time."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.intake.mail import read
from nurture.intake.mail.delivery_status import MOST_RECIPIENTS

NOW = datetime(2026, 3, 6, 12, tzinfo=UTC)
HEAD = b"From: mailer-daemon@x.test\nTo: a@b.test\nSubject: failure notice\n"
AWAY = b"From: a@b.test\nAuto-Submitted: auto-replied\nDate: Thu, 5 Mar 2026 10:00:00 +0000\nSubject: x\n\n"
LONGEST = 4.0
"""Seconds of processor time for 5 MB; most need a tenth of it."""

KINDS = {
    "bounced", "complained", "unsubscribed", "replied", "away", "contacted", "delivered", "deferred", "other",
}  # fmt: skip

PIECES = [
    b"From: a@b.test", b"Subject: =?utf-8?B?4pyT?= =?x?q?=ZZ?=",
    b"Content-Type: multipart/report; boundary=x", b'Content-Type: multipart/mixed; boundary="x',
    b"Content-Type: message/delivery-status", b"--x", b"--x--", b"", b"Content-Type: message/rfc822",
    b"Content-Type: text/html; charset=utf-16", b"Return-Path: <>", b"\t folded",
    b"Content-Transfer-Encoding: base64", b"Content-Transfer-Encoding: quoted-printable", b"=C3=A9=",
    b"QUJD=", b"Final-Recipient: rfc822; t@u.test", b"Action: failed", b"Status: 5.1.1 (x)",
    b"Diagnostic-Code: smtp; 550", b"Feedback-Type: abuse", b"550 5.1.1 <t@u.test>... User unknown",
    b"<t@u.test>:", b">>> DATA", b"\xff\xfe\x00\x1b$B", b"Auto-Submitted: auto-replied",
    b"until 31.2.2026 - 99/99/9999", b"Date: Thu, 5 Mar 2026 10:00:00 +9999",
    b'{"notificationType":"Bounce","mail":{},"bounce":{"bouncedRecipients":[{}, 7, null]}}',
    b"Message-ID: <a@b>", b"X-Failed-Recipients: t@u.test", b"References: <a@b> <c@d>",
    b"-----Original Message-----", b":", b"a: ",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=40), st.sampled_from([b"\n", b"\r\n", b"\r"]))
@settings(max_examples=300, deadline=None)
def test_any_order_of_lines_is_read(lines: list[bytes], end: bytes) -> None:
    heard = read(end.join(lines), NOW)
    assert heard and len({one.id for one in heard}) == len(heard)
    assert all(one.kind in KINDS and one.at is not None and one.at <= NOW for one in heard)


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_read(raw: bytes) -> None:
    assert read(raw, NOW) and read(HEAD + raw, NOW) and read(HEAD + b"\n" + raw, NOW)


@pytest.mark.parametrize(
    "charset",
    ["punycode", "zip", "idna", "utf-7", "unknown-8bit", "x" * 500, "rot13", "undefined", "utf-16", "*"],
)
def test_no_charset_is_a_trap(charset: str) -> None:
    head = HEAD + f"Content-Type: text/plain; charset={charset}\n\n".encode()
    assert read(head + b"\xff\x00 550 5.1.1 a-b-c " * 1000, NOW)


def nested(levels: int) -> bytes:
    """Multiparts in multiparts, each with a boundary of its own."""
    heads = (f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(levels))
    return "".join(heads).encode() + b"\nhello"


HOSTILE: dict[str, Callable[[], bytes]] = {
    "a line of 5 MB": lambda: HEAD + b"\n" + b"a" * 5_000_000,
    "addresses": lambda: HEAD + b"\n" + b"a@b.c " * 800_000,
    "a recipient a line": lambda: (
        HEAD + b"\n" + b"".join(b"<a%d@b.c>:\n550 no\n\n" % n for n in range(60_000))
    ),
    "at signs": lambda: HEAD + b"\n" + b"a@" * 2_000_000,
    "spaces": lambda: HEAD + b"\n" + b" " * 3_000_000,
    "dashes": lambda: HEAD + b"\n" + b"-----\n" * 400_000,
    "heads without end": lambda: HEAD + b"\n" + b"From: a\nX: b\nbla\n" * 200_000,
    "a subject of 5 MB": lambda: b"Subject: " + b"=?" * 2_500_000 + b"\n\nhi",
    "parameters": lambda: b"Content-Type: multipart/mixed; " + b'a="b";' * 500_000 + b"\n\nhi",
    "a folded field": lambda: b"Subject: a\n" + b" b\n" * 1_500_000 + b"\nhi",
    "fields": lambda: b"X-A: b\n" * 600_000 + b"\nhi",
    "10,000 parts": lambda: b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n\nhello\n" * 10_000,
    "deep": lambda: nested(2_000),
    "messages in messages": lambda: b"Content-Type: message/rfc822\n\n" * 3_000 + b"hi",
    "one boundary for all": lambda: b"Content-Type: multipart/mixed; boundary=x\n\n--x\n" * 5_000,
    "tags that never end": lambda: HEAD + b"Content-Type: text/html\n\n" + b"<" * 2_000_000,
    "styles that never end": lambda: HEAD + b"Content-Type: text/html\n\n" + b"<style>" * 300_000,
    "dates": lambda: AWAY + b"until 1 jan " * 300_000,
    "JSON": lambda: HEAD + b'\n{"mail":' * 400_000,
    "words of refusals": lambda: HEAD + b"\n" + b"sender mailbox connection not " * 100_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_messages_take_bounded_time(name: str) -> None:
    raw = HOSTILE[name]()
    started = time.process_time()
    assert read(raw, NOW)
    assert time.process_time() - started < LONGEST


def test_a_report_of_ten_thousand_recipients_tells_of_a_few() -> None:
    group = b"Final-Recipient: rfc822; a@b.test\nAction: failed\nStatus: 5.1.1\n\n"
    raw = HEAD + b"Content-Type: message/delivery-status\n\n" + group * 10_000
    assert len(read(raw, NOW)) == MOST_RECIPIENTS
