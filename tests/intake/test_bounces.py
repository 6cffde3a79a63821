"""What machines answer to our mail, in messages built after the RFCs and after how mail systems write."""

from datetime import UTC, datetime
from textwrap import dedent

import pytest

from nurture.intake.mail import read
from nurture.intake.returns import Return

NOW = datetime(2026, 3, 6, 12, tzinfo=UTC)
OURS = dedent("""\
    Return-Path: <b+k1.abc@bounce.sender.test>
    Received: from us.sender.test by mx.there.test; Thu, 5 Mar 2026 09:00:00 +0000
    From: Ann <ann@sender.test>
    Reply-To: r+k1.abc@sender.test
    To: tom@there.test
    Subject: Five ways
    Message-ID: <n1.abc@sender.test>
    X-Nurture-ID: n1.abc
    List-Unsubscribe: <https://t.sender.test/u/TOKEN>, <mailto:u+k1.abc@bounce.sender.test?subject=x>

    Hello Tom
    """)


def mail(body: str, *head: str, sender: str = "Mail Delivery System <mailer-daemon@mx.test>") -> bytes:
    """A machine's message to our envelope address."""
    lines = [
        "Return-Path: <>",
        f"From: {sender}",
        "To: b+k1.abc@bounce.sender.test",
        "Date: Thu, 5 Mar 2026 10:00:00 +0000",
        "Message-ID: <bounce@mx.test>",
        *head,
    ]
    return "\n".join([*lines, "", body]).encode()


def multipart(kind: str, *parts: tuple[str, str]) -> bytes:
    """A multipart/report of this type: (content type, body) each."""
    body = "".join(f"--xyz\nContent-Type: {of}\n\n{text}\n" for of, text in parts) + "--xyz--\n"
    return mail(
        body,
        "Subject: Report",
        f'Content-Type: multipart/report; report-type={kind}; boundary="xyz"',
    )


def report(*groups: str, words: str = "It could not be delivered.", original: str = OURS) -> bytes:
    """A delivery report (RFC 3464) of these recipients."""
    status = "\n\n".join(["Reporting-MTA: dns; mx.test", *groups])
    return multipart(
        "delivery-status",
        ("text/plain", words),
        ("message/delivery-status", status),
        ("message/rfc822", original),
    )


def one(raw: bytes) -> Return:
    """The only thing that this message tells."""
    heard = read(raw, NOW)
    assert len(heard) == 1
    return heard[0]


FAILED = (
    "Final-Recipient: rfc822; tom@there.test\nAction: failed\nStatus: 5.1.1\n"
    "Diagnostic-Code: smtp; 550 5.1.1 no"
)


def test_a_delivery_report_names_recipient_status_and_our_message() -> None:
    heard = one(report(FAILED))
    assert (heard.kind, heard.bounce, heard.status) == ("bounced", "hard", "5.1.1")
    assert heard.reason == "no such mailbox" and heard.recipient == "tom@there.test"
    assert heard.id == "<bounce@mx.test>" and heard.at == datetime(2026, 3, 5, 10, tzinfo=UTC)
    for mark in ("b+k1.abc@bounce.sender.test", "<n1.abc@sender.test>", "https://t.sender.test/u/TOKEN"):
        assert mark in heard.marks
    assert heard.words == "smtp; 550 5.1.1 no" and not heard.vouched


def test_each_recipient_of_a_report_is_a_return_of_its_own() -> None:
    late = "Final-Recipient: rfc822; ann@there.test\nAction: delayed\nStatus: 4.4.1"
    done = "Final-Recipient: rfc822; joe@there.test\nAction: relayed\nStatus: 2.0.0"
    raw = report(FAILED, late, done)
    heard = read(raw, NOW)
    assert [one.kind for one in heard] == ["bounced", "deferred", "delivered"]
    assert [one.bounce for one in heard] == ["hard", "", ""]
    assert len({one.id for one in heard}) == 3
    assert [one.raw for one in heard] == [raw, b"", b""]
    assert all("<n1.abc@sender.test>" in one.marks for one in heard)


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded", "Delivered (to mailbox)"])
def test_what_arrived_suppresses_nobody(action: str) -> None:
    heard = one(report(f"Final-Recipient: rfc822; tom@there.test\nAction: {action}\nStatus: 2.1.5"))
    assert (heard.kind, heard.bounce) == ("delivered", "")


@pytest.mark.parametrize(
    ("fields", "bounce", "status"),
    [
        # The server's own code is more telling than the reporter's.
        ("Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 552-5.2.2 Mailbox full", "soft", "5.2.2"),
        # A full mailbox is not a dead one, whatever the report numbers it.
        ("Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 User is over quota", "soft", "5.1.1"),
        ("Action: failed\nStatus: 5.7.1\nDiagnostic-Code: smtp; 550 5.7.1 user unknown", "block", "5.7.1"),
        ("Action: failed\nStatus: 4.4.7\nDiagnostic-Code: smtp; 421 unknown user", "soft", "4.4.7"),
        # Gaps, a missing action, folded words, a comment, no space.
        ("\nAction: failed\n\nStatus: 5.1.1", "hard", "5.1.1"),
        ("Status: 5.1.2 (bad destination system)", "hard", "5.1.2"),
        ("Action:failed\nStatus:5.0.0\nDiagnostic-Code:smtp;554\n  5.7.26 no\n proof", "block", "5.7.26"),
        # Words alone, with a bare reply code: only in answer to RCPT.
        ("Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 Unknown user", "soft", "5.0.0"),
        (
            "Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 Unknown user (in reply to\n RCPT)",
            "hard",
            "5.0.0",
        ),
        ("Action: failed\nStatus: 5.2.1\nX-PowerMTA-BounceCategory: inactive-mailbox", "soft", "5.2.1"),
    ],
)  # fmt: skip
def test_reports_are_read_as_servers_write_them(fields: str, bounce: str, status: str) -> None:
    heard = one(report(f"Final-Recipient: rfc822;tom@there.test\n{fields}"))
    assert (heard.kind, heard.bounce, heard.status) == ("bounced", bounce, status)


def test_a_report_pasted_into_the_text_is_a_report() -> None:
    heard = one(mail(f"Sorry.\n\nReporting-MTA: dns; mx.test\n\n{FAILED}\n", "Subject: Delivery failure"))
    assert (heard.bounce, heard.status, heard.recipient) == ("hard", "5.1.1", "tom@there.test")


def test_a_report_without_a_diagnostic_is_explained_by_its_words() -> None:
    fields = "Final-Recipient: rfc822; tom@there.test\nAction: failed\nStatus: 5.0.0"
    heard = one(report(fields, words="For these it failed:\n\ntom@there.test: 552 5.2.2 Mailbox full\n"))
    assert (heard.bounce, heard.reason, heard.status) == ("soft", "mailbox full", "5.2.2")


FEEDBACK = (
    "Feedback-Type: {}\nUser-Agent: Any/1\nVersion: 1\nOriginal-Mail-From: <b+k1.abc@bounce.sender.test>"
)


def feedback(kind: str) -> Return:
    text = ("text/plain", "A report")
    return one(
        multipart(
            "feedback-report",
            text,
            ("message/feedback-report", FEEDBACK.format(kind)),
            ("message/rfc822", OURS),
        )
    )


@pytest.mark.parametrize("kind", ["abuse", "fraud", "Abuse", "opt-out"])
def test_a_complaint_is_a_complaint(kind: str) -> None:
    heard = feedback(kind)
    assert heard.kind == "complained" and heard.bounce == "" and heard.recipient == "tom@there.test"
    assert "b+k1.abc@bounce.sender.test" in heard.marks and "<n1.abc@sender.test>" in heard.marks


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure", "dmarc", "virus", "other", "unheard-of"])
def test_other_reports_unsubscribe_nobody(kind: str) -> None:
    heard = feedback(kind)
    assert (heard.kind, heard.bounce, heard.reason) == ("other", "", kind)


def test_a_complaint_without_a_report_is_known_by_its_subject() -> None:
    body = f"--xyz\nContent-Type: message/rfc822\n\n{OURS}\n--xyz--\n"
    raw = mail(
        body, "Subject: complaint about message from 192.0.2.1", "Content-Type: multipart/mixed; boundary=xyz"
    )
    assert one(raw).kind == "complained"


TEXTS = {
    "qmail": (
        "Hi. This is the qmail-send program at mx.test.\n"
        "I'm afraid I wasn't able to deliver your message to the following addresses.\n"
        "This is a permanent error; I've given up. Sorry it didn't work out.\n\n"
        "<tom@there.test>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n"
        "--- Below this line is a copy of the message.\n\n"
    ),
    "exim": (
        "This message was created automatically by mail delivery software.\n\n"
        "A message that you sent could not be delivered to one or more of its\n"
        "recipients. This is a permanent error. The following address(es) failed:\n\n"
        "  tom@there.test\n    host mx.there.test [192.0.2.1]\n"
        "    SMTP error from remote mail server after RCPT TO:<tom@there.test>:\n    550 No such user\n\n"
        "------ This is a copy of the message, including all the headers. ------\n\n"
    ),
    "notes": (
        "------- Failure Reasons  --------\n\n"
        "User not listed in public Name & Address Book\ntom@there.test\n\n"
        "------- Returned Message --------\n\n"
    ),
    "exchange": (
        "Your message\n\n  To:      ann@there.test\n  Subject: Five ways\n\n"
        "did not reach the following recipient(s):\n\ntom@there.test on Thu, 5 Mar 2026 09:00:05 +0000\n"
        "    The recipient name is not recognized\n"
    ),
    "sendmail": (
        "   ----- The following addresses had permanent fatal errors -----\n<tom@there.test>\n\n"
        "   ----- Transcript of session follows -----\n... while talking to mx.there.test.:\n"
        ">>> RCPT To:<tom@there.test>\n<<< 550 who is that: User unknown\n"
        "550 <tom@there.test>... User unknown\n\n"
        "   ----- Original message follows -----\n\n"
    ),
    "interscan": (
        "Sent >>> RCPT TO:<tom@there.test>\nReceived <<< 550 unknown user\n\n"
        "Unable to deliver message to <tom@there.test>.\n\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("system", TEXTS)
def test_a_bounce_in_words_names_recipient_reason_and_our_message(system: str) -> None:
    heard = one(mail(TEXTS[system] + OURS, "Subject: failure notice"))
    assert (heard.kind, heard.bounce, heard.reason) == ("bounced", "hard", "no such mailbox")
    assert heard.recipient == "tom@there.test" and "tom@" not in heard.words
    assert {"<n1.abc@sender.test>", "<n1.abc@>", "b+k1.abc@bounce.sender.test"} <= set(heard.marks)


def test_each_recipient_in_the_words_has_a_reason_of_its_own() -> None:
    words = (
        "I wasn't able to deliver your message to the following addresses.\n\n"
        "<tom@there.test>:\n192.0.2.1 does not like recipient.\nRemote host said: 550 no such user\n\n"
        "<ann@there.test>:\nRemote host said: 552 5.2.2 mailbox full\n\n--- Below this line is a copy.\n"
    )
    heard = read(mail(words, "Subject: failure notice"), NOW)
    assert [(one.recipient, one.bounce) for one in heard] == [
        ("tom@there.test", "hard"),
        ("ann@there.test", "soft"),
    ]


@pytest.mark.parametrize("said", ["550 unknown user", "550 <tom@there.test>: User unknown"])
def test_unknown_after_the_message_was_there_is_a_filter(said: str) -> None:
    body = (
        f"It was not delivered.\n\ntom@there.test\n\n-----server message\n{said}\n\n-----SMTP command\nDATA\n"
    )
    heard = one(mail(body, "Subject: failure notice"))
    assert (heard.bounce, heard.reason) == ("soft", "filtered")


def test_a_warning_that_mail_is_late_is_no_bounce() -> None:
    body = (
        "THIS IS A WARNING MESSAGE ONLY.\nYOU DO NOT NEED TO RESEND YOUR MESSAGE.\n\n"
        "Delivery to the following recipient has been delayed:\n\n   tom@there.test\n\n"
        "Message will be retried for 2 more day(s)\n"
    )
    heard = one(mail(body, "Subject: Delivery Status Notification (Delay)"))
    assert (heard.kind, heard.bounce, heard.recipient) == ("deferred", "", "tom@there.test")


def test_a_bounce_whose_reason_nobody_knows_is_kept_as_unknown() -> None:
    heard = one(mail("Did not reach:\n\ntom@there.test\n", "Subject: Undeliverable: Five ways"))
    assert (heard.kind, heard.bounce, heard.recipient) == ("bounced", "unknown", "tom@there.test")


def test_a_person_who_writes_of_a_bounce_is_a_person() -> None:
    raw = (
        b"From: Tom <tom@there.test>\nTo: r+k1.abc@sender.test\nSubject: Re: Five ways\n"
        b"Date: Thu, 5 Mar 2026 10:00:00 +0000\nMessage-ID: <r@there.test>\n"
        b"In-Reply-To: <n1.abc@sender.test>\n\n"
        b"My colleague's mailbox is full and your mail could not be delivered: user unknown. Please resend.\n"
    )
    assert one(raw).kind == "replied"


@pytest.mark.parametrize(
    "sender", ["Tom <postmaster@there.test>", "Tom at Mail Delivery Ltd <tom@there.test>"]
)
def test_a_person_at_an_address_of_machines_is_a_person(sender: str) -> None:
    raw = (
        f"From: {sender}\nTo: r+k1.abc@sender.test\nSubject: Re: Five ways\nMessage-ID: <r@there.test>\n"
        "Date: Thu, 5 Mar 2026 10:00:00 +0000\n\nPlease open an account for us.\n"
    )
    assert one(raw.encode()).kind == "replied"


def test_success_for_one_is_no_success_for_another() -> None:
    words = "Your message was successfully delivered to some.\n\nIt failed for:\n\n<tom@there.test>:\n{}\n"
    heard = one(mail(words.format("550 5.1.1 user unknown"), "Subject: Delivery report"))
    assert (heard.kind, heard.bounce) == ("bounced", "hard")
    good = "Your message has been successfully delivered to:\n\n<tom@there.test>\n"
    assert one(mail(good, "Subject: Delivery report (success)")).kind == "delivered"


def test_a_read_receipt_says_that_it_arrived() -> None:
    shown = "Final-Recipient: rfc822; tom@there.test\nDisposition: manual-action/MDN-sent-manually; displayed"
    raw = multipart(
        "disposition-notification", ("text/plain", "Read."), ("message/disposition-notification", shown)
    )
    assert one(raw).kind == "delivered"


def test_notes_of_ses_by_mail_are_read() -> None:
    note = (
        '{"notificationType":"Bounce","bounce":{"bounceType":"Permanent","bouncedRecipients":'
        '[{"emailAddress":"tom@there.test","status":"5.1.1","diagnosticCode":"smtp; 550 5.1.1 unknown"}]},'
        '"mail":{"source":"b+k1.abc@bounce.sender.test","commonHeaders":{"messageId":"<n1.abc@sender.test>"}}}'
    )
    heard = one(mail(note, "Subject: AWS Notification Message", sender="no-reply@sns.amazonaws.com"))
    assert (heard.kind, heard.bounce, heard.status) == ("bounced", "hard", "5.1.1")
    assert heard.marks == ("<n1.abc@sender.test>", "b+k1.abc@bounce.sender.test") and not heard.vouched


def test_without_a_message_id_the_bytes_are_the_identity() -> None:
    raw = report(FAILED).replace(b"Message-ID: <bounce@mx.test>\n", b"")
    assert one(raw).id.startswith("sha256:") and one(raw) == one(raw)
    assert one(raw).id != one(raw + b" ").id


def test_a_date_that_is_not_yet_is_the_date_of_receipt() -> None:
    assert one(report(FAILED).replace(b"5 Mar 2026 10", b"5 Mar 2031 10")).at == NOW
    assert one(report(FAILED).replace(b"Thu, 5 Mar 2026 10:00:00 +0000", b"yesterday")).at == NOW
