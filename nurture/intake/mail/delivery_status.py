"""The machine-readable part of a delivery report (RFC 3464, RFC 6533): one reading for each recipient.

Reports in the wild leave blank lines out or put them in the middle of a recipient's fields, leave `Action`
out, and write codes only in the diagnostic text. What is missing is taken from what is there.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from nurture.delivery import Diagnosis
from nurture.intake.mail.bounce import is_daemon
from nurture.intake.mail.codes import Codes, codes_in, one_line
from nurture.intake.mail.marks import addresses_in, marks_of, marks_of_head
from nurture.intake.mail.message import Message
from nurture.intake.mail.refusal import command_in, meaning
from nurture.intake.mail.transcript import Torn, recipients_of, said_of, tear
from nurture.intake.returns import Kind, Return

MOST_RECIPIENTS = 20
"""Of one report; each mail of ours goes to one."""
_TYPES = ("message/delivery-status", "message/global-delivery-status")
_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9-]{2,60})[ \t]*:[ \t]*(.*)")
_WHO = ("original-recipient", "final-recipient", "x-actual-recipient", "x-failed-recipient")
_STARTS = (*_WHO, "action", "status")
_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_CATEGORIES = {
    "bad-mailbox": Diagnosis("hard", "no such mailbox"),
    "bad-domain": Diagnosis("hard", "no such domain"),
    "inactive-mailbox": Diagnosis("soft", "mailbox suspended"),
    "quota-issues": Diagnosis("soft", "mailbox full"),
    "bad-connection": Diagnosis("soft", "nobody answered"),
    "no-answer-from-host": Diagnosis("soft", "nobody answered"),
    "message-expired": Diagnosis("soft", "given up"),
    "routing-errors": Diagnosis("soft", "nobody answered"),
    "bad-configuration": Diagnosis("soft", "trouble at their end"),
    "protocol-errors": Diagnosis("soft", "protocol error"),
    "spam-related": Diagnosis("block", "taken for spam"),
    "policy-related": Diagnosis("block", "policy"),
    "relaying-issues": Diagnosis("block", "relaying denied"),
    "invalid-sender": Diagnosis("block", "sender refused"),
    "content-related": Diagnosis("content", "unwelcome content"),
    "virus-related": Diagnosis("content", "virus"),
}
"""What PowerMTA says of a bounce, having read more of the conversation than it reports."""
_KINDER = ("mailbox full", "mailbox suspended")
_DONE = ("delivered", "relayed", "expanded", "deliverable", "success")
_LATER = ("delayed", "deferred")


class Report(NamedTuple):
    """What a report says of one recipient. `said`: the diagnostic text; `action` in lower case; `category`:
    the reporting server's own name of the reason, where it gives one."""

    recipient: str
    addresses: tuple[str, ...]
    action: str
    status: str
    said: str
    category: str


def read_delivery_status(message: Message) -> list[Return]:
    """One return for each recipient that the report speaks of; none where there is no such part."""
    parts = [part for part in message.own if part.type in _TYPES]
    if not parts and is_daemon(message.headers):
        # A gateway passes a report on whole; we send none ourselves that could come back.
        parts = [part for part in message.parts if part.type in _TYPES]
    # Some servers paste the fields into their text, and some tear their own boundaries.
    texts = [part.text for part in parts] or [message.text]
    reports = [report for text in texts for report in reports_in(text)]
    torn = tear(message.text)
    spoken = torn.words.partition("\nReporting-MTA:")[0]
    named = [_named(report, message, torn) for report in reports[:MOST_RECIPIENTS]]
    told = [_told(report, spoken) for report in named]
    heard = (_return(report, spoken, sole=len(told) == 1) for report in told)
    marks = marks_of(message, *marks_of_head(torn.original)) if told else ()
    return [one._replace(marks=(*one.addresses, *marks)) for one in heard]


def reports_in(text: str) -> Iterator[Report]:
    """The recipients' fields in a text: those with a recipient, and an action or a status."""
    for fields in _groups(text):
        named = [fields[name] for name in _WHO if name in fields]
        if named and ("action" in fields or "status" in fields):
            yield _report(fields, named)


def _report(fields: dict[str, str], named: Sequence[str]) -> Report:
    addresses = tuple(
        dict.fromkeys(a for value in named for a in addresses_in(value.partition(";")[2] or value))
    )
    own = addresses[0] if addresses else ""
    action = fields.get("action", "").split("(")[0].strip().lower()
    said = fields.get("diagnostic-code", "")
    return Report(
        own, addresses, action, status_of(fields.get("status", ""), said), said,
        fields.get("x-powermta-bouncecategory", "").lower(),
    )  # fmt: skip


def status_of(field: str, said: str) -> str:
    """The enhanced code: the server's own in its words where it is more telling than the field's."""
    match = _STATUS.search(field)
    spoken = codes_in(said).status
    if match is None:
        return spoken
    written = match[0]
    if spoken and spoken != written and _tells_more(spoken, written):
        return spoken
    return written


def _tells_more(spoken: str, written: str) -> bool:
    if spoken.endswith(".0.0"):
        return False
    return spoken[0] == written[0] or written.endswith(".0.0")


def _named(report: Report, message: Message, torn: Torn) -> Report:
    """The report with a recipient that the words name, where its own fields hold no whole address."""
    if report.recipient:
        return report
    who = next(iter(recipients_of(message, torn)), "")
    return report._replace(recipient=who, addresses=(who,) if who else ())


def _told(report: Report, spoken: str) -> Report:
    """The report with the words of the text about its recipient, where it bears no diagnostic itself."""
    if report.said:
        return report
    said = said_of(spoken, report.recipient)
    return report._replace(said=said, status=status_of(report.status, said))


def _groups(text: str) -> Iterator[dict[str, str]]:
    """The fields of each recipient; a field that comes again, or a recipient after a gap, starts the next."""
    fields: dict[str, str] = {}
    last, gap = "", False
    for line in text.split("\n"):
        match = _FIELD.fullmatch(line.rstrip())
        if match is None or line[:1] in " \t":
            gap = gap or not line.strip()
            if last and line[:1] in " \t" and line.strip():
                fields[last] += " " + line.strip()
            elif not gap and last:
                last = ""
            continue
        name, value = match[1].lower(), match[2].strip()
        known = any(who in fields for who in _WHO) and ("action" in fields or "status" in fields)
        if name in _STARTS and (name in fields or (gap and known and name in _WHO)):
            yield fields
            fields = {}
        if name not in fields:
            fields[name], last = value, name
        else:
            last = ""
        gap = False
    yield fields


def _return(report: Report, spoken: str, *, sole: bool) -> Return:
    kind = _kind(report)
    if kind != "bounced":
        return Return(
            "", kind, addresses=report.addresses, status=report.status, words=one_line(report.said),
            recipient=report.recipient,
        )  # fmt: skip
    diagnosis = _diagnosis(report, spoken if sole else "")
    return Return(
        "", "bounced", addresses=report.addresses, bounce=diagnosis.bounce, status=report.status,
        words=one_line(report.said or spoken), reason=diagnosis.reason, recipient=report.recipient,
    )  # fmt: skip


def _diagnosis(report: Report, spoken: str) -> Diagnosis:
    """What the report means. `spoken`: the text beside it, where that is about this recipient alone."""
    if report.category in _CATEGORIES:
        return _CATEGORIES[report.category]
    codes = Codes(codes_in(report.said).reply, report.status)
    command = command_in(report.said) or command_in(spoken)
    found = meaning(codes, report.said, command)
    if found.reason == "no reason given" and spoken:
        return meaning(codes, spoken, command)
    if found.bounce == "hard" and report.status.endswith(".0.0"):
        # Words alone call the address dead: what the server explains beside them may be milder.
        beside = meaning(codes, spoken, command)
        return beside if beside.reason in _KINDER else found
    return found


def _kind(report: Report) -> Kind:
    action = report.action
    if action.startswith(_LATER):
        return "deferred"
    if action.startswith(_DONE) or (not action.startswith("fail") and report.status.startswith("2")):
        return "delivered"
    return "bounced"
