"""What a refusal means that somebody else tells of: the same table as for what servers tell us themselves.

Second-hand, one thing is missing: at which command it came. Words like "user unknown" that come with a bare
reply code, and not in answer to RCPT, are what filters say once they have seen the message, Japanese carriers
above all. They count as soft: a dead address will say so again. An enhanced code of an address is believed.
"""

import re

from nurture.delivery import Diagnosis, diagnose
from nurture.intake.mail.codes import LONGEST_SAID, Codes

_COMMAND = re.compile(
    r"in\s+reply\s+to\s+(?:the\s+)?(end of data|data|rcpt|mail|helo|ehlo)|after\s+(end of data|data|"
    r"rcpt|mail|helo|ehlo)|^\s*>>> ?(data|rcpt|mail|helo|ehlo)|smtp command\W{1,20}(data|rcpt|mail|"
    r"helo|ehlo)|smtp:(rcpt|mail|data)|(?:sending|our|sent|to(?: the)?|command:?) (data|rcpt|mail|helo|"
    r"ehlo)\b|(does not like recipient)|(after i sent the message)|(rcpt) to:? ?<|rejected (?:the "
    r")?(?:recipient )?(address)",
    re.IGNORECASE | re.MULTILINE,
)
_AT_RCPT = re.compile(r"^550 5\.1\.1 .{0,300}\.\.\. user unknown", re.IGNORECASE | re.MULTILINE)
"""Sendmail's own line for a refused recipient: it sends commands together, and reads the answers later."""

_CERTAIN = re.compile(r"does ?n[o']?t have an? \S{1,80} account", re.IGNORECASE)


def command_in(spoken: str) -> str:
    """The last command that a transcript says was answered, in lower case: rcpt, data ...; or nothing."""
    spoken = spoken[:LONGEST_SAID]
    if _AT_RCPT.search(spoken):
        return "rcpt"
    found = [next(filter(None, match.groups())).lower() for match in _COMMAND.finditer(spoken)]
    last = found[-1] if found else ""
    return (
        "rcpt"
        if "recipient" in last or last == "address"
        else "data"
        if "data" in last or "sent" in last
        else last
    )


def meaning(codes: Codes, said: str, command: str) -> Diagnosis:
    """What these words mean, said in answer to this command (nothing: unknown which)."""
    found = diagnose(codes.reply, codes.status, f"{said} (in reply to {command})" if command else said)
    hearsay = codes.reply and command != "rcpt" and (not codes.status or codes.status.endswith(".0.0"))
    if found.bounce == "soft" and found.reason == "filtered" and _CERTAIN.search(said):
        return Diagnosis("hard", "no such mailbox")
    if found.reason == "no such mailbox" and found.bounce == "hard" and hearsay and not _CERTAIN.search(said):
        return Diagnosis("soft", "filtered")
    return found
