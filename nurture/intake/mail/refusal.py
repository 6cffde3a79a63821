"""What a refusal means that somebody else tells of: the same table as for what servers tell us themselves.

Second-hand, one thing is missing: at which command it came. Words like "user unknown" that come with a bare
reply code, and not in answer to RCPT, are what filters say once they have seen the message, Japanese carriers
above all. They count as soft: a dead address will say so again. An enhanced code of an address is believed.
"""

import re

from nurture.delivery import Diagnosis, diagnose
from nurture.intake.mail.codes import LONGEST_SAID, Codes

_SPELT = (
    r"(?:in\s+reply\s+to|after)\s+(?:the\s+)?(?:end\s+of\s+)?{0}\b|^\s*>>> ?{0}\b|"
    r"smtp command\W{{1,20}}{0}\b|smtp:{0}\b|(?:sending|our|sent|to(?: the)?|command:?) {0}\b"
)
_ALSO = {
    "rcpt": r"|rcpt to:? ?<|does not like recipient|rejected (?:the )?(?:recipient )?address|\(state 14\)",
    "mail": "|but sender was rejected",
    "helo": "|my name was rejected",
    "data": r"|after i sent the message|\(state 1[78]\)",
}
_SHOUTED = re.compile(r"(?<![A-Za-z0-9])(RCPT|DATA|BODY)(?![A-Za-z0-9-])")
"""A command in capitals, as servers quote it."""
_COMMANDS = {
    name: re.compile(_SPELT.format(name) + _ALSO.get(name, ""), re.IGNORECASE | re.MULTILINE)
    for name in ("rcpt", "data", "mail", "helo", "ehlo")
}
"""How reports say which command was answered; the states are Gmail's."""
_AT_RCPT = re.compile(
    r"(?:^|; ?)55\d (?:5\.[135]\.\d )?<.{0,300}>\.\.\. (?:user|addressee) unknown",
    re.IGNORECASE | re.MULTILINE,
)
"""Sendmail's own line for a refused recipient: it sends commands together, and reads the answers later."""

_BEFORE = ("mail", "helo", "ehlo")
"""Commands that come before anybody is named: what is unknown then is our own name."""
_OF_RECIPIENTS = ("5.1.1", "5.1.3", "5.1.6", "5.1.10")
_NO_ADDRESS = ("", ".0.0", ".3.0", ".4.0", ".6.0")
"""Enhanced codes without the first figure that say nothing of an address."""
_CERTAIN = re.compile(
    r"does ?n[o']?t have an? \S{1,80} account|@(?:ezweb\.ne\.jp|au\.com)>: user unknown", re.IGNORECASE
)
"""Words that are only said of an address nobody has. A Japanese carrier names it then, and only then."""


def command_in(spoken: str) -> str:
    """The last command that a transcript says was answered, in lower case: rcpt, data ...; or nothing."""
    spoken = spoken[:LONGEST_SAID]
    if _AT_RCPT.search(spoken):
        return "rcpt"
    # A later match of the same command takes the place of an earlier one.
    places = {name: match.end() for name, words in _COMMANDS.items() for match in words.finditer(spoken)}
    return max(places, key=places.__getitem__, default="") or _shouted(spoken)


def _shouted(spoken: str) -> str:
    """The last command in capitals that is no label at the beginning of a line."""
    found = [m[1] for m in _SHOUTED.finditer(spoken) if spoken[: m.start()].rpartition("\n")[2].strip()]
    return found[-1].lower().replace("body", "data") if found else ""


def meaning(codes: Codes, said: str, command: str) -> Diagnosis:
    """What these words mean, said in answer to this command (nothing: unknown which)."""
    found = diagnose(codes.reply, codes.status, f"{said} (in reply to {command})" if command else said)
    hearsay = codes.reply and command != "rcpt" and codes.status[1:] in _NO_ADDRESS
    if found.bounce == "soft" and found.reason == "filtered" and _CERTAIN.search(said):
        return Diagnosis("hard", "no such mailbox")
    if found.bounce == "hard" and command in _BEFORE and codes.reply and codes.status not in _OF_RECIPIENTS:
        return Diagnosis("block", "sender refused")
    if found.reason == "no such mailbox" and found.bounce == "hard" and hearsay and not _CERTAIN.search(said):
        return Diagnosis("soft", "filtered")
    return found
