"""Whatever a name or a subject holds, the message has the headers we meant and no other."""

import email
import random
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.delivery.mime import BadLetter, Letter, Mailbox, build, prove_headers_hold

LETTER = Letter(
    message_id="<n1.abcdefghijklmnopqrstuvwxyz234567@example.com>",
    nurture_id="AQEAAAAAAAcAAwAA",
    date=datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
    sender=Mailbox("ada@example.com", "Ada Ray"),
    to=Mailbox("tom@example.org", "Tom Vo"),
    subject="What bad data costs",
    text="Hello Tom,\n\n.a line that starts with a dot\nFrom here on.\n" + "long " * 400,
    html="<p>Hello Tom \u2014 " + "x" * 3000 + "</p>",
    reply_to=Mailbox("replies@example.com"),
    unsubscribe_url="https://t.example.com/u/" + "A" * 120,
    unsubscribe_mail="mailto:u+abc@bounce.example.com?subject=unsubscribe",
    list_id="evaluate-platform.example.com",
    list_name="Evaluate the platform",
    feedback_id="evaluate-platform:cost-of-bad-data:a1:nurture",
)
MEANT = sorted([
    "date", "from", "to", "subject", "message-id", "x-nurture-id", "auto-submitted", "reply-to",
    "list-unsubscribe", "list-unsubscribe-post", "list-id", "feedback-id", "mime-version", "content-type",
])  # fmt: skip

BREAKS = [
    "\r\n",
    "\n",
    "\r",
    "\r\n ",
    "\n\t",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x1d",
    "\x1e",
    "\x85",
    "\u2028",
    "\u2029",
    "\x00",
    "\x7f",
]
HIDDEN_BREAKS = ["0D=0A", "0A", "0D", "0d=0a=20", "0B", "0C", "1C", "C2=85", "E2=80=A8"]
PROBES = [
    *(f"a{line_end}Bcc: eve@evil.test" for line_end in BREAKS),
    *(f"{line_end}Bcc: eve@evil.test" for line_end in ("\r\n", "\n", "\r")),
    *(f"a{line_end}{line_end}<script>body</script>" for line_end in ("\r\n", "\n", "\r")),
    *(f"a{line_end}" for line_end in ("\r\n", "\n", "\r", "\x00")),
    *(f"=?utf-8?q?a={code}Bcc:_eve@evil.test?=" for code in HIDDEN_BREAKS),
    "=?utf-8?Q?a=0D=0ABcc:_eve@evil.test?=",
    "=?UTF-8?b?YQ0KQmNjOiBldmVAZXZpbC50ZXN0?=",
    "=?utf-8?B?YQ0KQmNjOiBldmVAZXZpbC50ZXN0?=",
    "=?utf-8?b?YQpCY2M6IGV2ZUBldmlsLnRlc3Q=?=",
    "=?us-ascii?q?a=0D=0ABcc:_eve@evil.test?=",
    "=?iso-8859-1?q?a=0D=0ABcc:_eve@evil.test?=",
    "=?utf-16?b?//5hAA0ACgBCAGMAYwA6AA==?=",
    "=?utf-7?q?a+AA0-Bcc:?=",
    "=?utf-8*en?q?a=0D=0ABcc:_eve@evil.test?=",
    "=??q?a=0D=0ABcc:_eve@evil.test?=",
    "=? utf-8?q?a=0D=0ABcc:_eve@evil.test?=",
    "=?unknown?q?a=0D=0ABcc:_eve@evil.test?=",
    "=?utf-8?q?a=0D=0ABcc:_eve@evil.test",
    "=?utf-8?q?=22=3E=0D=0A?= =?utf-8?q?Bcc:_eve@evil.test?=",
    "x=?utf-8?q?a=0D=0ABcc:_eve@evil.test?=y",
    "\u65e5\u672c =?utf-8?q?a=0D=0ABcc:_eve@evil.test?=",
    '"=?utf-8?q?a=0D=0ABcc:_eve@evil.test?="',
    "(=?utf-8?q?a=0D=0ABcc:_eve@evil.test?=)",
    "=?utf-8?q?a?= =?utf-8?q?=0D=0A?= =?utf-8?q?Bcc:_eve@evil.test?=",
    "=?utf-8?q?=3D=3Futf-8=3Fq=3Fa=3D0D=3D0ABcc:_eve@evil.test=3F=3D?=",
    "a\ud800Bcc: eve@evil.test",
    "a\udc0d\udc0aBcc: eve@evil.test",
    "a\udc8d\udc8aBcc: eve@evil.test",
    "eve@evil.test, tom@example.org",
    "Tom <eve@evil.test>, Eve",
    "Tom\" <eve@evil.test>, \"Eve",
    "Tom\\\" <eve@evil.test>, \\\"",
    "Tom\\",
    "<eve@evil.test>",
    "Friends: eve@evil.test, tom@example.org;",
    "undisclosed-recipients:;",
    "Tom (eve@evil.test",
    "Tom) <eve@evil.test>",
    "a,b@evil.test",
    "@evil.test:tom@example.org",
    "Bcc: eve@evil.test",
    "a; Bcc: eve@evil.test",
    "%0d%0aBcc: eve@evil.test",
    "\\r\\nBcc: eve@evil.test",
    "&#13;&#10;Bcc: eve@evil.test",
    "a" * 480 + " Bcc: eve@evil.test",
    "\u00e9" * 480 + " b",
    " " * 200 + "Bcc: eve@evil.test",
    ("\u4e2d" * 40 + " ") * 11,
    "\U0001f600" * 200,
    "a" * 100_000,
    "\u202eevil\u202c",
    "\u560d\u560aBcc: eve@evil.test",
    "\u010d\u010aBcc: eve@evil.test",
]  # fmt: skip


def parsed(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def assert_nothing_added(raw: bytes) -> EmailMessage:
    message = parsed(raw)
    assert sorted(name.lower() for name in message) == MEANT
    for name in ("To", "From", "Reply-To"):
        assert len(message[name].addresses) == 1
    assert message["To"].addresses[0].addr_spec == "tom@example.org"
    assert message["From"].addresses[0].addr_spec == "ada@example.com"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert b"evil.test" not in b"\n".join(
        line for line in raw.split(b"\r\n") if line.lower().startswith(b"bcc")
    )
    return message


def plain(text: str) -> str:
    return " ".join(text.split())


def squeezed(text: str) -> str:
    """Python 3.11's parser invents a space between two encoded words of a name."""
    return "".join(text.split())


def hostile(place: str, probe: str) -> Letter:
    match place:
        case "subject":
            return replace(LETTER, subject=probe)
        case "from name":
            return replace(LETTER, sender=replace(LETTER.sender, name=probe))
        case "from":
            return replace(LETTER, sender=replace(LETTER.sender, address=probe))
        case "to name":
            return replace(LETTER, to=replace(LETTER.to, name=probe))
        case "to":
            return replace(LETTER, to=replace(LETTER.to, address=probe))
        case "reply-to name":
            return replace(LETTER, reply_to=Mailbox("replies@example.com", probe))
        case "reply-to":
            return replace(LETTER, reply_to=Mailbox(probe))
        case "list name":
            return replace(LETTER, list_name=probe)
        case "list id":
            return replace(LETTER, list_id=probe)
        case "feedback id":
            return replace(LETTER, feedback_id=probe)
        case "nurture id":
            return replace(LETTER, nurture_id=probe)
        case "unsubscribe":
            return replace(LETTER, unsubscribe_url="https://t.example.com/u/" + probe)
        case _:
            return replace(LETTER, message_id=probe)


TEXTS = ["subject", "from name", "to name", "reply-to name", "list name", "feedback id", "nurture id"]
ADDRESSES = ["from", "to", "reply-to", "list id", "unsubscribe", "message id"]


def test_there_are_at_least_sixty_probes() -> None:
    assert len(set(PROBES)) >= 60


@pytest.mark.parametrize("place", TEXTS)
@pytest.mark.parametrize("probe", PROBES)
def test_a_probe_in_a_text_is_refused_or_stays_text(place: str, probe: str) -> None:
    try:
        raw = build(hostile(place, probe))
    except BadLetter as refusal:
        assert "evil" not in str(refusal)
        return
    message = assert_nothing_added(raw)
    if place == "subject":
        assert message["Subject"] == plain(probe)
    if place.endswith(" name") and place != "list name":
        assert squeezed(message[place.removesuffix(" name")].addresses[0].display_name) == squeezed(probe)


@pytest.mark.parametrize("place", ADDRESSES)
@pytest.mark.parametrize("probe", PROBES)
def test_a_probe_in_an_address_or_id_is_refused_or_stays_one(place: str, probe: str) -> None:
    try:
        raw = build(hostile(place, probe))
    except BadLetter:
        return
    assert place in ("unsubscribe", "message id")
    assert_nothing_added(raw)


@pytest.mark.parametrize("end", [f"{line_end}RCPT TO:<eve@evil.test>" for line_end in BREAKS])
def test_an_address_cannot_carry_a_command(end: str) -> None:
    for place in ("to", "from", "reply-to"):
        with pytest.raises(BadLetter):
            build(hostile(place, "tom@example.org" + end))


def test_the_letter_as_it_should_be() -> None:
    raw = build(LETTER)
    message = assert_nothing_added(raw)
    assert (
        f"\r\nList-Unsubscribe: <{LETTER.unsubscribe_url}>, <{LETTER.unsubscribe_mail}>\r\n".encode() in raw
    )
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw
    assert message["Message-ID"] == LETTER.message_id
    assert message["Date"].datetime == LETTER.date
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Id"] == "Evaluate the platform <evaluate-platform.example.com>"
    text, html = message.iter_parts()
    assert [part["Content-Transfer-Encoding"] for part in (text, html)] == ["quoted-printable"] * 2
    assert isinstance(text, EmailMessage) and isinstance(html, EmailMessage)
    assert text.get_content().splitlines() == LETTER.text.splitlines()
    assert html.get_content().strip() == LETTER.html
    assert max(len(line) for line in raw.split(b"\r\n\r\n", 1)[1].split(b"\r\n")) <= 76
    assert b"\n." not in raw
    assert b"\n" not in raw.replace(b"\r\n", b"") and b"\r" not in raw.replace(b"\r\n", b"")


def test_a_letter_to_a_colleague_has_no_list() -> None:
    note = replace(LETTER, unsubscribe_url="", list_id="", feedback_id="", reply_to=None)
    assert not {"list-unsubscribe", "list-unsubscribe-post", "list-id"} & {
        name.lower() for name in parsed(build(note))
    }


@pytest.mark.parametrize("address", ["jos\u00e9@example.org", "tom@b\u00fccher.example"])
def test_an_address_that_needs_smtputf8_fails_clearly(address: str) -> None:
    with pytest.raises(BadLetter, match="smtputf8_unsupported"):
        build(hostile("to", address))


@pytest.mark.parametrize(
    "address", ["tom@xn--bcher-kva.example", "o'neil+news@example.org", "a" * 64 + "@example.org"]
)
def test_unusual_but_good_addresses_pass(address: str) -> None:
    assert parsed(build(hostile("to", address)))["To"].addresses[0].addr_spec == address


@pytest.mark.parametrize(
    "address",
    ["a" * 65 + "@example.org", "tom@-a.example", ".tom@example.org", "a@" + "b." * 130 + "example"],
)
def test_addresses_out_of_bounds_are_refused(address: str) -> None:
    with pytest.raises(BadLetter):
        build(hostile("to", address))


@settings(max_examples=300, deadline=None)
@given(subject=st.text(max_size=200), name=st.text(max_size=120))
def test_any_subject_and_name_come_back_as_they_went(subject: str, name: str) -> None:
    try:
        raw = build(replace(LETTER, subject=subject, to=replace(LETTER.to, name=name)))
    except BadLetter:
        return
    message = assert_nothing_added(raw)
    assert message["Subject"] == plain(subject)
    assert squeezed(message["To"].addresses[0].display_name) == squeezed(name)


ODD_LINES = [
    ".", "..", ". ", "." * 80, ".a" * 40, "=", "=_", "From here", "--", " \t", "x" * 76, "x" * 77,
    "\u00e9" * 90,
]  # fmt: skip
LINE = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r\n"), max_size=90)
LINES = st.lists(LINE | st.sampled_from(ODD_LINES), max_size=8)


@settings(max_examples=300, deadline=None)
@given(text=LINES, html=LINES, line_end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_any_text_comes_back_as_it_went(text: list[str], html: list[str], line_end: str) -> None:
    letter = replace(LETTER, text=line_end.join(text), html=line_end.join(html))
    raw = build(letter)
    message = assert_nothing_added(raw)
    assert all(len(line) <= 76 for line in raw.split(b"\r\n\r\n", 1)[1].split(b"\r\n"))
    assert b"\n." not in raw
    for part, lines in zip(message.iter_parts(), (text, html), strict=True):
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        assert content.decode().removesuffix("\r\n") == "\r\n".join(lines).removesuffix("\r\n")
        assert not part.defects
    assert not message.defects


def test_ordinary_names_are_not_refused() -> None:
    draw = random.Random(7)
    words = [
        "Jos\u00e9",
        "M\u00fcller",
        "O'Neil",
        "\u7530\u4e2d",
        "Ann-Marie",
        "van der Berg",
        "Dr. (h.c.)",
        "Smith, John",
        "\u0623\u062d\u0645\u062f",
        "\U0001f44b",
        '"Bob"',
        "100%",
        "a=b",
        "x?",
    ]
    for _ in range(300):
        name = " ".join(draw.choices(words, k=draw.randint(1, 9)))
        letter = replace(LETTER, subject=f"{name}, a question?", to=replace(LETTER.to, name=name))
        message = assert_nothing_added(build(letter))
        assert message["Subject"] == f"{name}, a question?"


def test_every_try_is_the_same_bytes() -> None:
    assert build(LETTER) == build(LETTER)


def test_this_python_is_safe_to_start_on() -> None:
    prove_headers_hold()
