"""The shapes in which mail systems report: one line each, in words of our own after how they write."""

import pytest

from nurture.intake.returns import Return
from tests.intake.test_bounces import OURS, mail, one, report

QMAIL = (
    "I'm afraid I wasn't able to deliver your message to these addresses.\n\n<tom@there.test>:\n{}\n\n"
    "--- Below this line is a copy of the message.\n\n"
)
EXIM = (
    "The following address(es) failed:\n\n  tom@there.test\n    {}\n\n------ This is a copy of the "
    "message, including all the headers. ------\n\n"
)
SENDMAIL = (
    "   ----- The following addresses had permanent fatal errors -----\n<tom@there.test>\n\n   ----- "
    "Transcript of session follows -----\n... while talking to mx.there.test.:\n{}\n\n   ----- Original "
    "message follows -----\n\n"
)
SMTPD = (
    "    An error has occurred while attempting to deliver a message for\n    the following list of "
    "recipients:\n\ntom@there.test: {}\n\n    Below is a copy of the original message:\n\n"
)
IMAIL = "{}tom@there.test\n\n\nOriginal message follows.\n\n"
EXCHANGE = "{}:\n\nTom\n\n{}:\n\ntom@there.test\n#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##\n\n"
LISTED = (
    "Delivery to the following recipients failed permanently:\n\n  * tom@there.test\n\n    Technical "
    "details:\n\n{}\n"
)
REMOTE = (
    "A message that you have sent could not be delivered.\nThe following address failed:\n\n"
    "tom@there.test:\n{}\n\n--- The header of the original message is following. ---\n\n"
)
NOTES = (
    "Your message\n\n  Subject: Five ways\n\nwas not delivered to:\n\n  tom@there.test\n\nbecause:\n\n  {}\n"
)
GATE = "The following message to <tom@there.test> was undeliverable.\nThe reason for the problem:\n{}\n"
MOBILE = "Error:  No valid recipients for this MM\n\nMessage to: <tom@there.test>\n"

SHAPES = (
    ("hard", QMAIL.format("192.0.2.1 does not like recipient.\nRemote host said: 550 unknown user")),
    ("hard", QMAIL.format("Sorry, I couldn't find a mail exchanger or IP address. (#5.4.4)")),
    ("hard", QMAIL.format("Remote host said: 550 no such user [RCPT_TO]")),
    ("soft", QMAIL.format("Remote host said: 550 no such user [BODY]")),
    ("soft", QMAIL.format("192.0.2.1 failed after I sent the message.\nRemote host said: 550 unknown user")),
    ("soft", QMAIL.format("Connected to mx but sender was rejected.\nRemote host said: 550 unknown user")),
    ("soft", QMAIL.format("Connected to mx but my name was rejected.\nHost said: 501 Invalid domain name")),
    ("soft", QMAIL.format("Connected to 192.0.2.1 but connection died. (#4.4.2)")),
    ("hard", EXIM.format("all relevant MX records point to non-existent hosts")),
    ("hard", EXIM.format('unrouteable mail domain "there.test"')),
    ("hard", EXIM.format("LMTP error after RCPT TO:<tom@there.test>:\n    550 no such user")),
    ("soft", EXIM.format("SMTP error from remote server after end of data:\n    host mx: 550 no such user")),
    ("soft", EXIM.format("SMTP error from remote server after MAIL FROM:<x@y.test>:\n    550 user unknown")),
    ("soft", EXIM.format("retry timeout exceeded")),
    ("hard", SENDMAIL.format("550 <tom@there.test>... User unknown")),
    ("hard", SENDMAIL.format(">>> RCPT To:<tom@there.test>\n<<< 550 No such person")),
    ("soft", SENDMAIL.format(">>> DATA\n<<< 550 spam\n554 5.0.0 Service unavailable")),
    ("soft", SENDMAIL.format("553 5.3.5 there.test. config error: mail loops back to me (MX problem?)")),
    ("hard", SMTPD.format("Destination seem to reject all mails")),
    ("hard", SMTPD.format("No MX found for domain")),
    ("soft", SMTPD.format("Network error on destination MXs")),
    ("soft", SMTPD.format("Envelope expired")),
    ("hard", IMAIL.format("Unknown user: ")),
    ("hard", IMAIL.format("Unknown host: ")),
    ("hard", IMAIL.format("Invalid final delivery userid: ")),
    ("soft", IMAIL.format("User mailbox exceeds allowed size: ")),
    ("soft", IMAIL.format("undeliverable to ")),
    ("hard", EXCHANGE.format("Échec de la remise pour ces destinataires", "Informations de diagnostic")),
    ("hard", EXCHANGE.format("No se pudo entregar el mensaje a", "Información de diagnóstico")),
    ("hard", EXCHANGE.format("Impossibile recapitare il messaggio", "Informazioni di diagnostica")),
    ("hard", EXCHANGE.format("次の受信者への配信に失敗しました", "管理者用診断情報")),
    ("hard", EXCHANGE.format("向这些收件人传递邮件失败", "给管理员的诊断信息")),
    ("soft", LISTED.format("SMTP:RCPT host 192.0.2.1: 552 5.2.2 Quota exceeded")),
    ("hard", LISTED.format("SMTP:RCPT host 192.0.2.1: 553 no such user here")),
    ("hard", REMOTE.format("SMTP error from remote server for RCPT TO command, reason: 550 unknown user")),
    ("soft", REMOTE.format("SMTP error from remote server for DATA command, reason: 550 unknown user")),
    ("hard", NOTES.format("User tom (tom@there.test) not listed in Domino Directory")),
    ("hard", NOTES.format("SMTP Protocol Returned a Permanent Error 550 5.1.1 User unknown")),
    ("soft", NOTES.format("Router: Maximum hop count exceeded. Message probably in a routing loop.")),
    ("hard", GATE.format("5.1.0 - Unknown address error 550-'no such user'")),
    ("soft", GATE.format("5.4.7 - Delivery expired (message too old) 'timeout'")),
    ("soft", GATE.format("5.3.0 - Other mail system problem 554-'5.7.1 Message rejected as spam'")),
    ("hard", MOBILE),
)  # fmt: skip


@pytest.mark.parametrize(("hardness", "words"), SHAPES)
def test_systems_are_understood(hardness: str, words: str) -> None:
    heard = one(mail(words + OURS, "Subject: Undeliverable"))
    assert heard.kind == "bounced" and heard.recipient == "tom@there.test"
    assert (heard.bounce == "hard") == (hardness == "hard"), heard


@pytest.mark.parametrize(
    "subject",
    [
        "Non remis : Five ways", "Unzustellbar: Five ways", "No se puede entregar: Five ways",
        "Non recapitabile: Five ways", "配信不能: Five ways", "未送达: Five ways",
        "Kan inte levereras: Five ways",
        "Недоставлено: Five ways", "Niedostarczone: Five ways", "배달되지 않음: Five ways",
    ],
)  # fmt: skip
def test_a_bounce_is_known_by_its_subject_in_many_languages(subject: str) -> None:
    raw = mail("\ntom@there.test\n#550 5.1.1 x ##\n", f"Subject: {subject}", sender="Exchange <x@there.test>")
    assert (one(raw).kind, one(raw).status) == ("bounced", "5.1.1")


def from_nobody(words: str, *head: str) -> Return:
    """A message whose head shows no machine: neither a daemon's name nor the empty return path."""
    raw = mail(words, *head, sender="gate@mx.test").replace(
        b"Return-Path: <>", b"Return-Path: <gate@mx.test>"
    )
    return one(raw)


def test_a_report_of_no_daemon_is_known_by_its_shape() -> None:
    words = "could not be delivered to the following recipients:\n\ntom@there.test\n\n"
    assert from_nobody(words, "Subject: Delivery failure").recipient == "tom@there.test"
    late = from_nobody(
        words + "Delivery attempts will continue to be made for 5 days.", "Subject: Delivery failure"
    )
    assert late.kind == "deferred"
    answered = from_nobody(words, "Subject: Re: Delivery failure", "In-Reply-To: <n1.abc@sender.test>")
    assert answered.kind == "replied"


def test_a_person_in_trouble_is_a_person() -> None:
    heard = from_nobody(
        "My mail could not be delivered to you. Can you help?\n\nTom", "Subject: Delivery failed"
    )
    assert heard.kind == "replied"


def test_a_notice_of_delay_keeps_its_words() -> None:
    words = (
        "This is an automatically generated Notification\n\nTHIS IS A WARNING MESSAGE ONLY.\n\n"
        "Delivery to the following recipient has been delayed:\n\n     tom@there.test\n\n"
        "Message will be retried for 2 more day(s)\n"
    )
    heard = one(mail(words, "Subject: Delivery Status Notification (Delay)"))
    assert (heard.kind, heard.recipient) == ("deferred", "tom@there.test")


def test_brackets_around_a_recipient_are_not_of_it() -> None:
    words = "could not be reached:\n\n\tRecipient: [SMTP:tom@there.test]\n\tReason: Mailbox full\n"
    assert one(mail(words, "Subject: Message Delivery Failure")).recipient == "tom@there.test"


def test_the_directory_name_of_a_recipient_holds_its_address() -> None:
    words = (
        "Your message\n\n  To:      list@x.test\n\ndid not reach the following recipient(s):\n\n"
        "c=US;a= ;p=X;o=Y;dda:SMTP=tom@there.test; on Thu, 5 Mar\n    The recipient name is not recognized\n"
    )
    assert one(mail(words, "Subject: Undeliverable: Five ways")).recipient == "tom@there.test"


def test_a_filter_that_answers_with_a_receipt_has_refused() -> None:
    parts = (
        "--xyz\nContent-Type: text/plain\n\nYour message to <tom@there.test> was automatically rejected:\n"
        "Quota exceeded\n--xyz\nContent-Type: message/disposition-notification\n\n"
        "Final-Recipient: rfc822; tom@there.test\n"
        "Disposition: automatic-action/MDN-sent-automatically; deleted\n--xyz--\n"
    )
    kind = 'Content-Type: multipart/report; report-type=disposition-notification; boundary="xyz"'
    heard = one(mail(parts, "Subject: Automatically rejected mail", kind))
    assert (heard.kind, heard.bounce, heard.reason) == ("bounced", "soft", "mailbox full")


def test_a_report_passed_on_whole_is_a_report() -> None:
    inner = report("Final-Recipient: rfc822; tom@there.test\nAction: failed\nStatus: 5.1.1").decode()
    body = f"--abc\nContent-Type: message/rfc822\n\n{inner}\n--abc--\n"
    heard = one(mail(body, "Subject: Failure", "Content-Type: multipart/mixed; boundary=abc"))
    assert (heard.status, heard.recipient) == ("5.1.1", "tom@there.test")
    assert "<n1.abc@sender.test>" in heard.marks


REPORTS = (
    # The number is of no address, and nobody says in answer to what the words came.
    ("soft", "5.3.0", "smtp; 553 5.3.0 no such user"),
    ("hard", "5.3.0", "smtp; 553 5.3.0 <tom@there.test>... User unknown"),
    ("hard", "5.0.0", "smtp; 550 RCPT TO:<tom@there.test> User unknown"),
    ("soft", "5.0.0", "smtp; 550 no such user (in reply to end of DATA command)"),
    # A mailbox with other trouble is a mailbox.
    ("soft", "5.2.0", "smtp; 550 5.2.0 user unknown (in reply to RCPT TO command)"),
    ("soft", "5.1.4", ""),
    # Before RCPT it is us who are unknown.
    ("soft", "5.0.0", "smtp; 550 unknown host (in reply to EHLO command)"),
    ("hard", "5.1.1", "smtp; 550 5.1.1 user unknown (in reply to MAIL FROM command)"),
    # Receivers in their own ways.
    ("hard", "5.0.0", "smtp; 550 <tom@ezweb.ne.jp>: User unknown"),
    ("soft", "5.1.1", "smtp; 550 : User unknown"),
    ("hard", "5.4.1", "smtp; 550 5.4.1 Recipient address rejected: Access denied. AS(201806281)"),
    ("soft", "5.0.0", "smtp; 554 Recipient address rejected: Access denied (in reply to RCPT TO)"),
    ("soft", "5.0.350", "smtp; 550 5.0.350 Remote server returned an error -> 554 rejected due to content"),
    ("soft", "5.4.14", "smtp; 554 5.4.14 Hop count exceeded - possible mail loop ATTR34"),
    ("hard", "5.4.310", "smtp; 550 5.4.310 DNS domain there.test does not exist "),
    ("soft", "5.4.312", "smtp; 550 5.4.312 Message expired, DNS query failed (ServerFailure)"),
    ("soft", "5.7.1", "smtp; 554 5.7.1 [HM08] Message rejected due to local policy"),
    ("soft", "5.0.0", "smtp; 554 IB103. Connection refused. No reverse DNS."),
    ("soft", "5.0.0", "smtp; 554 ME Adresse IP source bloquee pour incident de spam. OFR006_102"),
    ("hard", "5.1.1", "smtp; 550 5.1.1 Adresse d au moins un destinataire invalide. OFR_416"),
    ("hard", "5.1.0", "smtp; 550 5.1.0 <tom@there.test> recipient rejected (in reply to RCPT TO)"),
    ("soft", "5.1.0", "smtp; 550 5.1.0 <b@x.test> sender rejected"),
    ("hard", "5.1.10", "smtp; 556 5.1.10 Recipient address has a null MX"),
    ("soft", "5.4.7", "smtp; 550 5.4.7 delivery time expired"),
)  # fmt: skip


@pytest.mark.parametrize(("hardness", "status", "said"), REPORTS)
def test_reports_of_servers_are_understood(hardness: str, status: str, said: str) -> None:
    fields = f"Final-Recipient: rfc822; tom@there.test\nAction: failed\nStatus: {status}\n"
    heard = one(report(fields + (f"Diagnostic-Code: {said}" if said else "")))
    assert heard.status == status and (heard.bounce == "hard") == (hardness == "hard"), heard


@pytest.mark.parametrize(
    ("category", "bounce"),
    [
        ("bad-mailbox", "hard"),
        ("spam-related", "block"),
        ("message-expired", "soft"),
        ("content-related", "content"),
    ],
)
def test_powermta_names_the_reason_itself(category: str, bounce: str) -> None:
    fields = "Final-Recipient: rfc822; tom@there.test\nAction: failed\nStatus: 5.0.0\n"
    heard = one(report(f"{fields}Diagnostic-Code: smtp; 550 go\nX-PowerMTA-BounceCategory: {category}"))
    assert heard.bounce == bounce


@pytest.mark.parametrize(
    "head",
    [
        ("Subject: Five ways", "Auto-Submitted: auto-replied", "X-Who: postmaster"),
        ("Subject: Automatic reply: Undeliverable: Five ways", "Auto-Submitted: auto-replied"),
        ("Subject: Re: Five ways", "X-Apple-Action: REPLY/VACATION", "Precedence: bulk"),
        ("Subject: Re: Five ways", "X-Mailer: vacation 1.2.6", "Precedence: bulk"),
        ("Subject: Re: Five ways", 'Auto-Submitted: auto-notified; owner-email="tom@there.test"'),
        ("Subject: Re: Five ways",),
    ],
)
def test_an_automatic_answer_is_no_bounce(head: tuple[str, ...]) -> None:
    sender = "postmaster@there.test" if "X-Who: postmaster" in head else "Tom <tom@there.test>"
    heard = one(mail("I am away. My account manager reads this mailbox.", *head, sender=sender))
    assert (heard.kind, heard.bounce) == ("away", "")
