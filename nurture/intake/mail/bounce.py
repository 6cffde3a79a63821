"""Bounces that only words tell of: is it one, whose mail was it, and what did the server say?

More than a third of bounces have no machine-readable part. Their texts share a shape: who could not be
reached, what a server answered, and then the message that came back.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from nurture.delivery import Diagnosis
from nurture.intake.mail.codes import Codes, codes_in, one_line
from nurture.intake.mail.headers import Headers, parted
from nurture.intake.mail.marks import ADDRESS, addresses_in, marks_of, marks_of_head
from nurture.intake.mail.message import Message
from nurture.intake.mail.refusal import command_in, meaning
from nurture.intake.returns import Return

MOST_RECIPIENTS = 50
LONGEST_SAID = 1_500

_DAEMON = re.compile(
    r"mailer[-_. ]?daemon|post ?master|mail[-_. ]?daemon|mail delivery|delivery (?:sub)?system|mail ?system|"
    r"maildelivery|mail administrator|\bmdaemon|ndr administrator|message delivery|email delivery|mailsystem|"
    r"smtp (?:server|gateway|agent)|mail server|undeliver|non-?delivery|ndradmin",
    re.IGNORECASE,
)
_OFFICE = re.compile(r"(?:mailer-daemon|postmaster)\b", re.IGNORECASE)
_SUBJECT = re.compile(
    r"undeliver|un-?deliverable|failure notice|delivery (?:status|fail|notif|problem|report|error|incomplete|delay|"
    r"unsuccess|has failed|warning|attempt)|delivery to .{0,60}fail|(?:returned|failed|nondeliverable|bounced|rejected|"
    r"blocked|delayed) (?:e-?)?(?:mail|message|to sender)|(?:mail|message|email)s? (?:delivery |could not |was |has |"
    r"is )*(?:fail|not (?:be )?deliver|undeliver|return|reject|delay|block|bounce)|mail (?:system )?(?:error|failure|"
    r"problem)|non[- ]?deliver|not (?:be )?delivered|could ?n[o']t (?:be )?(?:send|deliver|sent)|couldn't send|"
    r"error sending|sending .{0,20}fail|returning message|send(?:ing)? fail|user unknown|no such user|"
    r"warning: (?:could not send|message)|\bndn\b|\bndr\b|\bdsn\b|delivery status|bounce|is not deliverable|"
    r"unzustellbar|nicht zugestellt|zustellung|fehlgeschlagen|non remis|non distribu|[ée]chec|remise|retourn|"
    r"no (?:se ha podido|se pudo) (?:entregar|enviar)|no entregad|error de entrega|fallo|rechazad|imposible entregar|"
    r"non (?:recapitat|consegnat)|mancat|impossibile|não (?:foi )?(?:entreg|possível)|devolvid|falha|niet (?:bezorgd|"
    r"afgeleverd|bestelbaar)|onbestelbaar|nie można dostarczyć|niedostarczon|zwrot|nedoručen|kézbesíthetetlen|"
    r"teslim edil|недостав|не доставлен|ошибка доставки|возврат|配信(?:エラー|不能|失敗|できません)|送信(?:エラー|失敗|"
    r"できません)|不達|エラーメール|届きません|退信|投[递遞]失[败敗]|无法(?:送达|投递)|發送失敗|系统退信|반송|전송 ?실패|"
    r"not (?:a )?member",
    re.IGNORECASE,
)
_BODY = re.compile(
    r"(?:could not|couldn't|cannot|can't|can not|was not|wasn't|were not|not be|unable to|not able to|failed to|"
    r"has not been|have not been|undeliver\w*|not) (?:be )?(?:successfully )?(?:deliver|sent|send|reach|forward|process)|"
    r"(?:delivery|deliver|message|mail|recipients?|address(?:es)?)[\w ()@.,:<>'-]{0,80}(?:fail|permanent|fatal|"
    r"unsuccessful|undeliver|rejected|refused|aborted|error|returned|bounced|delayed|trouble|problem)|"
    r"(?:permanent|fatal|transient|unrecoverable|delivery) (?:fatal )?errors?|mailbox|no such user|user unknown|"
    r"unknown user|account|not (?:a )?member of|送信できません|配信できません|配送できません|届け|送達|не может быть доставлено|не доставлено|"
    r"zugestellt|n'a pas pu|no se ha podido|non è stato|ne peut|nie można|退信|无法",
    re.IGNORECASE,
)
_ANSWER = re.compile(r"^\s*(?:re|aw|sv|antw|r|rv|tr|fwd?|wg)\s*:", re.IGNORECASE)
_LATER = re.compile(
    r"warning message only|will be retried|do not need to resend|has (?:been|not yet been) (?:delayed|delivered)|"
    r"will (?:continue|keep|be) (?:to try|trying|tried|attempt)|delivery[\w ]{0,30}(?:is |was |has been )?delayed|"
    r"still (?:being )?(?:tr|queue|attempt)|no action is required|not yet (?:been )?delivered|will try again|"
    r"further attempts|next attempt|temporar\w+ (?:fail|delay)[\w ]{0,40}(?:will|retry)|"
    r"wird weiter versucht|nouvelle tentative|seguir[áa] intent|再送を(?:試|行|続)|再送します",
    re.IGNORECASE,
)
_NEVER = re.compile(
    r"permanent(?:ly)?|given up|gave up|giving up|no further|will not be retried|fatal|returning|is being returned|"
    r"could not be delivered to|has failed|have failed|was not delivered|expired",
    re.IGNORECASE,
)
_ARRIVED = re.compile(
    r"\(success\)|successfully (?:delivered|relayed|received|sent)|delivery (?:successful|succeeded|receipt|"
    r"confirmation)|has been (?:successfully )?delivered to|return receipt|relayed to",
    re.IGNORECASE,
)
_HEAD_LINE = re.compile(r"[A-Z][A-Za-z0-9-]{1,40}:(?: |$|\t)")
_TELLING = re.compile(
    r"^(?:received|return-path|message-id|dkim-signature|mime-version|content-type|x-mailer|from|subject)$", re.I
)
_QUOTED = re.compile(
    r"^(?!.*(?:generated|response|error|cannot|can't|could|not |fail|reject|received|delivered|sent to))"
    r"[ \t>|*=#_+~.-]*(?:(?:below (?:this line )?(?:is|are)|this is|enclosed is|here is|the following is|included is|"
    r"attached is)[\w ,]{0,40}(?:copy|original|header|message|returned)|(?:the )?(?:original|unsent|returned|"
    r"undelivered|failed|rejected|header|body) ?(?:of )?(?:the |your )?(?:original |returned |undelivered )?(?:message|mail|"
    r"text|header|e-?mail)s?(?: (?:headers?|body|text|info|follows?|below|is|was|attached|begins|content|details?))*|"
    r"(?:message|mail) headers?(?: follows?)?|copy of (?:the|your|original)[\w ]{0,40}|start of returned|"
    r"a copy of (?:the|your)[\w ,]{0,60}|your original message[\w ()]{0,20}|your message (?:reads?|follows?|was:)|"
    r"urspr[uü]ngliche nachricht|message d'origine|mensaje original|messaggio originale|mensagem original|"
    r"oorspronkelijk bericht|исходное сообщение|元のメール|オリジナル|原信|原邮件)[\w ,']{0,40}[ \t>|*=#_+~.:-]*$",
    re.IGNORECASE | re.MULTILINE,
)
_REPLIED = re.compile(r"(?<![\d.:@/=-])[45]\d\d(?:[ -](?!\d)|[ -][45]\.\d\.)")
_CODED = re.compile(r"(?<![\d.])[45]\.\d\.\d{1,3}(?![\d.])")
_SPOKEN = re.compile(
    r"(?:remote host said|server (?:message|said|responded|replied)|error (?:was|message)|reason|diagnostic(?:[- ]code)?|"
    r"response was|returned|status|explanation|because|failed with|erreur|motivo|grund|fehler\w*)[\w ']{0,30}:[ \t]*",
    re.IGNORECASE,
)

_MACHINES = (
    "auto-submitted", "precedence", "x-auto-response-suppress", "list-id", "list-help", "list-subscribe",
    "mailing-list", "x-mlserver", "x-ml-name",
)  # fmt: skip


class Torn(NamedTuple):
    """A bounce's words, and the head of our message that it quoted below them."""

    words: str
    original: Headers


def is_bounce(message: Message) -> bool:
    """Whether a machine tells that mail did not arrive, or will arrive late."""
    head = message.headers
    subject = head.spoken("subject")
    if head.first("x-failed-recipients") or head.parameter("report-type").lower() == "delivery-status":
        return True
    said = _BODY.search(message.text[:LONGEST_SAID * 4]) is not None
    told = _SUBJECT.search(subject) is not None and not _ANSWER.match(subject)
    if is_daemon(head):
        return told or said
    return told and said and (is_null_path(head) or codes_in(message.text).status != "" or not _is_personal(head))


def is_daemon(head: Headers) -> bool:
    """Whether the writer is a mail system, by its name or address."""
    writer = head.spoken("from")
    returns = (head.first("sender"), head.first("return-path"))
    return bool(_DAEMON.search(writer)) or writer == "<>" or any(_OFFICE.match(value.strip("< ")) for value in returns)


def is_null_path(head: Headers) -> bool:
    """Whether the message came with the empty return path of machines (RFC 5321 section 4.5.5)."""
    return any(value.strip() == "<>" for value in head.every("return-path"))


def read_bounce(message: Message) -> list[Return]:
    """One return for each recipient that the words name; none where this is no bounce."""
    if not is_bounce(message):
        return []
    torn = tear(message.text)
    if _ARRIVED.search(f"{message.headers.spoken('subject')}\n{torn.words[:LONGEST_SAID]}"):
        return [_arrived(message, torn)]
    later = _LATER.search(torn.words) is not None and not _NEVER.search(torn.words)
    marks = marks_of(message, *marks_of_head(torn.original))
    pieces = _pieces(torn.words, _recipients(message, torn))
    told = (_return(message, torn, who, piece, later=later) for who, piece in pieces)
    return [one._replace(marks=(*one.addresses, *marks)) for one in told]


def tear(text: str) -> Torn:
    """The words of the machine, and the head of the message that it quotes after them, where it does."""
    places = [match.start() for match in _QUOTED.finditer(text)][:50]
    lines = text.split("\n")
    block = _head_block(lines)
    at = sum(len(line) + 1 for line in lines[:block]) if block < len(lines) else len(text)
    words = text[: min([place for place in places if text[:place].strip()] + [at])]
    original = parted("\n".join(lines[block:]).encode())[0] if block < len(lines) else Headers()
    return Torn(words, original)


def _head_block(lines: Sequence[str]) -> int:
    """Where the head of a message begins among these lines: three fields in a row that mail always has."""
    run, telling, start = 0, 0, 0
    for number, line in enumerate(lines):
        if line[:1] in (" ", "\t") and run:
            continue
        if _HEAD_LINE.match(line):
            start = number if run == 0 else start
            run += 1
            telling += _TELLING.match(line.partition(":")[0]) is not None
            if run >= 3 and telling >= 2:
                return start
        else:
            run = telling = 0
    return len(lines)


def _recipients(message: Message, torn: Torn) -> list[str]:
    """Whom the message could not reach, best first: its own head, its words, the head of what came back."""
    head = message.headers
    named = [a for value in head.every("x-failed-recipients") for a in addresses_in(value)]
    ours = {a.lower() for name in ("to", "from", "sender", "return-path") for a in addresses_in(head.first(name))}
    written = [match for match in ADDRESS.finditer(torn.words) if not _is_id(torn.words, match)]
    alone = [match[0] for match in written if _stands_out(torn.words, match)]
    returned = [*message.originals[:1], torn.original]
    to = [a for original in returned for a in addresses_in(original.first("to"))]
    if named:
        return list(dict.fromkeys(named))[:MOST_RECIPIENTS]
    theirs = [a for a in alone if a.lower() not in ours and not _OFFICE.match(a)]
    mentioned = [match[0] for match in written if match[0].lower() not in ours and not _OFFICE.match(match[0])]
    for found in (theirs, alone, mentioned, to[:1]):
        if found:
            return list(dict.fromkeys(found))[:MOST_RECIPIENTS]
    return []


def _is_id(words: str, match: re.Match[str]) -> bool:
    line = words[words.rfind("\n", 0, match.start()) + 1 : match.start()].lower()
    return "message-id" in line or "http" in line.split(" ")[-1]


def _stands_out(words: str, match: re.Match[str]) -> bool:
    """Whether an address stands where reports put a recipient: alone in its line, or before a colon."""
    before = words[words.rfind("\n", 0, match.start()) + 1 : match.start()]
    end = words.find("\n", match.end())
    after = words[match.end() : end if end >= 0 else len(words)]
    if re.fullmatch(r"[45]\d\d(?:[ -][45]\.\d\.\d{1,3})? <", before) and after.startswith(">... "):
        return True
    label = re.fullmatch(r"[\s<>*•\"'(\[-]*(?:(?:[\w ]{0,40}(?:to|recipient|address|user|for)|rfc822);?:?)?[\s<\"'(]*", before, re.I)
    return label is not None and re.match(r"[>\"')\]]*\s*(?:$|[:;,(<.\r-])", after) is not None


def _pieces(words: str, recipients: Sequence[str]) -> list[tuple[str, str]]:
    """Each recipient with the words about them: from their line to the next recipient's."""
    if len(recipients) < 2:
        return [(recipients[0] if recipients else "", words)]
    low = words.lower()
    if all(f"<{who.lower()}>... " in low for who in recipients):
        return _before(words, low, recipients)
    places = sorted((low.find(who.lower()), who) for who in recipients)
    starts = [(low.rfind("\n", 0, max(place, 0)) + 1, who) for place, who in places]
    ends = [start for start, _ in starts[1:]] + [len(words)]
    return [(who, words[start:end]) for (start, who), end in zip(starts, ends, strict=True)]


def _before(words: str, low: str, recipients: Sequence[str]) -> list[tuple[str, str]]:
    """The same for Sendmail's transcripts, which sum up each recipient after what the server said."""
    places = sorted((low.rfind(f"<{who.lower()}>... "), who) for who in recipients)
    ends = [(low + "\n").find("\n", place) for place, _ in places]
    starts = [0, *ends[:-1]]
    asked = [max(start, words.rfind("\n>>> ", start, end)) for start, end in zip(starts, ends, strict=True)]
    return [(who, words[start:end]) for (_, who), start, end in zip(places, asked, ends, strict=True)]


def _return(message: Message, torn: Torn, who: str, piece: str, *, later: bool) -> Return:
    said = next(_spoken(piece, who), piece)
    codes = codes_in(said) if codes_in(said).status or codes_in(said).reply else codes_in(piece)
    if later:
        return Return(
            "", "deferred", addresses=(who,) if who else (), status=codes.status, words=one_line(said), recipient=who
        )
    diagnosis = _diagnosis(message, codes, piece, torn.words, who)
    return Return(
        "", "bounced", addresses=(who,) if who else (), bounce=diagnosis.bounce, status=codes.status,
        words=one_line(said), reason=diagnosis.reason, recipient=who,
    )  # fmt: skip


def _diagnosis(message: Message, codes: Codes, piece: str, words: str, who: str) -> Diagnosis:
    """From the narrowest words to the widest, until they mean something."""
    command = command_in(piece) or command_in(words)
    found = Diagnosis("unknown", "no reason given")
    for said in (*_spoken(piece, who), piece, words, message.headers.spoken("subject")):
        found = meaning(codes, said, command)
        if found.bounce != "unknown":
            return found
    return found


def said_of(words: str, who: str) -> str:
    """What these words say right after this recipient, or nothing."""
    place = words.lower().find(who.lower()) if who else -1
    return _paragraph(words[place + len(who) :].lstrip(" >:\t\"'"), 0) if place >= 0 else ""


def _spoken(piece: str, who: str) -> Iterator[str]:
    """What the server said in these words: from its code, or after a label like a reason, or after the address."""
    if match := _REPLIED.search(piece):
        yield _paragraph(piece, match.start())
    elif match := _CODED.search(piece):
        yield _paragraph(piece, piece.rfind("\n\n", 0, match.start()) + 1)
    if match := _SPOKEN.search(piece):
        yield _paragraph(piece, match.end())
    place = piece.lower().find(who.lower()) if who else -1
    if place >= 0:
        line = piece.rfind("\n", 0, place) + 1
        rest = piece[place + len(who) :].lstrip(" >:\t\"'")
        yield f"{piece[line:place]} {_paragraph(rest.lstrip(), 0)}"


def _paragraph(text: str, start: int) -> str:
    text = text[start : start + 2 * LONGEST_SAID].lstrip()
    return text.partition("\n\n")[0][:LONGEST_SAID]


def _arrived(message: Message, torn: Torn) -> Return:
    who = next(iter(_recipients(message, torn)), "")
    return Return("", "delivered", addresses=(who,) if who else (), words=one_line(torn.words), recipient=who)


def _is_personal(head: Headers) -> bool:
    return not any(head.first(name) for name in _MACHINES)
