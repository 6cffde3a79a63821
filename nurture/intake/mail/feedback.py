"""Complaints: feedback reports (RFC 5965), and the older way of a mail that only holds the message."""

import re

from nurture.intake.mail.codes import one_line
from nurture.intake.mail.marks import addresses_in, marks_of
from nurture.intake.mail.message import Message
from nurture.intake.returns import Return

_TYPE = "message/feedback-report"
_FIELD = re.compile(r"^([A-Za-z][A-Za-z0-9-]{2,60})[ \t]*:[ \t]*(.*)$", re.MULTILINE)
_IS_REPORT = re.compile(r"^Feedback-Type[ \t]*:", re.IGNORECASE | re.MULTILINE)
_BY_A_PERSON = ("abuse", "fraud", "opt-out", "opt-out-list", "complaint", "spam", "miscategorized")
"""Kinds of report that a person's click makes. Others, like not-spam, auth-failure, virus and dmarc, speak of
the message or of us: nobody asked for anything. RFC 5965 section 7.3, RFC 6591, RFC 7489."""
_SENT_FROM = ("original-mail-from", "original-envelope-id")
_RECIPIENTS = ("original-rcpt-to", "removal-recipient", "redacted-address", "original-recipient")
_COMPLAINS = re.compile(
    r"^(?:fwd?: *)?(?:complaint about (?:message|email|spam)|abuse report|spam (?:complaint|report)|"
    r"e-?mail (?:feedback|abuse) report|feedback loop|\[?(?:junk|spam) (?:report|notification))",
    re.IGNORECASE,
)


def read_feedback(message: Message) -> list[Return]:
    """A complaint, or another kind of report that is only kept; none where the message is no report."""
    report = next((part.text for part in message.own if part.type == _TYPE), message.text)
    if not _IS_REPORT.search(report):
        return _unlabelled(message)
    fields = [(name.lower(), value.strip()) for name, value in _FIELD.findall(report)]
    said = next((value.lower() for name, value in fields if name == "feedback-type"), "abuse")
    kind = said.split("(")[0].strip() or "abuse"
    named = [a for name, value in fields if name in _RECIPIENTS for a in addresses_in(value)]
    sent = [a for name, value in fields if name in _SENT_FROM for a in addresses_in(value)]
    heard = _return(message, kind, tuple(dict.fromkeys(named)))
    return [heard._replace(marks=marks_of(message, *heard.addresses, *sent))]


def _unlabelled(message: Message) -> list[Return]:
    """Providers that forward what was called spam without a report (JMRP): the message and a subject."""
    if message.originals and _COMPLAINS.match(message.headers.spoken("subject")):
        return [_return(message, "abuse", ())]
    return []


def _return(message: Message, kind: str, named: tuple[str, ...]) -> Return:
    to = [a for head in message.originals[:1] for value in head.every("to") for a in addresses_in(value)]
    recipient = next(iter([*named, *to]), "")
    return Return(
        "", "complained" if kind in _BY_A_PERSON else "other", addresses=tuple(dict.fromkeys([*named, *to])),
        words=one_line(message.headers.spoken("subject")), reason=kind, recipient=recipient,
    )  # fmt: skip
