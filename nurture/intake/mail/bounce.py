"""Bounces that only words tell of: is it one, whose mail was it, and what did the server say?

More than a third of bounces have no machine-readable part. Their texts share a shape: who could not be
reached, what a server answered, and then the message that came back.
"""

import re
from collections.abc import Iterator

from nurture.delivery import Diagnosis
from nurture.intake.mail.codes import Codes, codes_in, one_line
from nurture.intake.mail.headers import Headers
from nurture.intake.mail.marks import marks_of, marks_of_head
from nurture.intake.mail.message import Message
from nurture.intake.mail.refusal import command_in, meaning
from nurture.intake.mail.transcript import (
    LONGEST_SAID,
    Torn,
    paragraph,
    pieces_of,
    recipients_of,
    standing_out,
    tear,
)
from nurture.intake.returns import Return

_DAEMON = re.compile(
    "mailer[-_. ]?daemon|post[-_ ]?master|microsoftexchange[0-9a-f]|mail[-_. ]?daemon|mail delivery|"
    r"delivery (?:sub)?system|mail ?system|maildelivery|mail administrator|\bmdaemon|ndr administrator|"
    "message delivery|email delivery|mailsystem|undeliver|non-?delivery|ndradmin",
    re.IGNORECASE,
)
_OFFICE = re.compile(r"(?:mailer-daemon|postmaster)\b", re.IGNORECASE)
_SUBJECT = re.compile(
    r"undeliver|un-?deliverable|failure notice|"
    r"delivery (?:status|fail|notif|problem|report|error|incomplete|delay|unsuccess|has failed|warning|"
    r"attempt)|delivery to .{0,60}fail|"
    r"(?:returned|failed|nondeliverable|bounced|rejected|blocked|delayed) (?:e-?)?(?:mail|message|"
    r"to sender)|"
    r"(?:mail|message|email)s? (?:delivery |could not |was |has |is )*(?:fail|not (?:be )?deliver|undeliver|"
    r"return|reject|delay|block|bounce)|mail (?:system )?(?:error|failure|problem)|non[- ]?deliver|"
    r"not (?:be )?delivered|could ?n[o']t (?:be )?(?:send|deliver|sent)|couldn't send|error sending|"
    r"sending .{0,20}fail|returning message|message you sent|send(?:ing)? fail|user unknown|no such user|"
    r"warning: (?:could not send|message)|\bndn\b|\bndr\b|\bdsn\b|delivery status|bounce|is not deliverable|"
    r"unzustellbar|nicht zugestellt|zustellung|fehlgeschlagen|non remis|non distribu|[ée]chec|remise|"
    r"retourn|no (?:se ha podido|se pudo|se puede) (?:entregar|enviar)|non recapitabile|nem kézbesíthető|"
    r"kan (?:inte|ej|ikke) lever|går inte att leverera|olevererbar|toimit\w+ (?:epäonnistui|ei)|niedostarcz|"
    r"nedoručiteln|не удается доставить|未送达|未傳遞|無法(?:傳遞|投遞)|无法传递|배달되지|배달 못|"
    r"no entregad|error de entrega|fallo|rechazad|imposible entregar|non (?:recapitat|consegnat)|mancat|"
    r"impossibile|não (?:foi )?(?:entreg|possível)|devolvid|falha|niet (?:bezorgd|afgeleverd|bestelbaar)|"
    r"onbestelbaar|nie można dostarczyć|niedostarczon|zwrot|nedoručen|kézbesíthetetlen|teslim edil|недостав|"
    r"не доставлен|ошибка доставки|возврат|配信(?:エラー|不能|失敗|できません)|"
    r"送信(?:エラー|失敗|できません)|不達|エラーメール|届きません|退信|投[递遞]失[败敗]|无法(?:送达|投递)|"
    r"發送失敗|系统退信|반송|전송 ?실패|not (?:a )?member",
    re.IGNORECASE,
)
_BODY = re.compile(
    r"(?:could not|couldn't|cannot|can't|can not|was not|wasn't|were not|not be|unable to|not able to|"
    r"failed to|has not been|have not been|undeliver\w*|not) (?:be )?(?:successfully )?(?:deliver|sent|"
    r"send|reach|forward|process)|(?:delivery|deliver|message|mail|recipients?|address(?:es)?)[\w "
    r"()@.,:<>'-]{0,80}(?:fail|permanent|fatal|unsuccessful|undeliver|rejected|refused|aborted|error|"
    r"returned|bounced|delayed|trouble|problem)|(?:permanent|fatal|transient|unrecoverable|delivery) "
    r"(?:fatal )?errors?|blocked|mailbox|no such user|user unknown|unknown user|account|not (?:a )?member of|"
    r"送信できません|配信できません|配送できません|届け|送達|не может быть доставлено|не доставлено|"
    r"zugestellt|n'a pas pu|no se ha podido|non è stato|ne peut|nie można|退信|无法",
    re.IGNORECASE,
)
_ANSWER = re.compile(r"^\s*(?:re|aw|sv|antw|r|rv|tr|fwd?|wg)\s*:", re.IGNORECASE)
_LATER = re.compile(
    "warning message only|will be retried|do not need to resend|"
    "has (?:been|not yet been) (?:delayed|delivered)|"
    "will (?:continue|keep|be) (?:to (?:try|be made)|trying|tried|attempt)|delivery attempts will|"
    r"delivery[\w ]{0,30}(?:is |was |has been )?delayed|still (?:being )?(?:tr|queue|attempt)|"
    "no action is required|not yet (?:been )?delivered|will try again|further attempts|next attempt|"
    r"temporar\w+ (?:fail|delay)[\w ]{0,40}(?:will|retry)|wird weiter versucht|nouvelle tentative|"
    "seguir[áa] intent|再送を(?:試|行|続)|再送します",
    re.IGNORECASE,
)
_NEVER = re.compile(
    r"permanent(?:ly)?|given up|gave up|giving up|no further|will not be retried|fatal|returning|is "
    r"being returned|has failed|have failed|was not delivered|expired",
    re.IGNORECASE,
)
_ARRIVED = re.compile(
    r"\(success\)|successfully (?:delivered|relayed|received|sent)|delivery (?:successful|succeeded|"
    r"receipt|confirmation)|has been (?:successfully )?delivered to|return receipt|relayed to",
    re.IGNORECASE,
)
_FAILED = re.compile(
    r"\bfail|could not|cannot|unable|undeliver|unknown|reject|not (?:be )?deliver|error", re.IGNORECASE
)
_REPLIED = re.compile(r"(?<![\d.:@/=-])[45]\d\d(?:[ -](?!\d)|[ -][45]\.\d\.)")
_CODED = re.compile(r"(?<![\d.])[45]\.\d\.\d{1,3}(?![\d.])")
_SPOKEN = re.compile(
    r"(?:remote host said|server (?:message|said|responded|replied)|error (?:was|message)|reason|"
    r"diagnostic(?:[- ]code)?|response was|returned|status|explanation|because|failed with|erreur|"
    r"motivo|grund|fehler\w*)[\w ']{0,30}:[ \t]*",
    re.IGNORECASE,
)

_MACHINES = (
    "auto-submitted", "precedence", "x-auto-response-suppress", "list-id", "list-help", "list-subscribe",
    "mailing-list", "x-mlserver", "x-ml-name",
)  # fmt: skip


def is_bounce(message: Message) -> bool:
    """Whether a machine tells that mail did not arrive, or will arrive late."""
    head = message.headers
    subject = head.spoken("subject")
    if head.first("x-failed-recipients") or head.parameter("report-type").lower() == "delivery-status":
        return True
    said = _BODY.search(message.text[: LONGEST_SAID * 4]) is not None
    told = _SUBJECT.search(subject) is not None
    if head.first("auto-submitted").strip().lower() == "auto-replied" and not (told and is_daemon(head)):
        return False
    if is_daemon(head):
        says = said or codes_in(message.text).status != ""
        return ((told and not _ANSWER.match(subject)) or says) and not is_answer(head)
    if not (told and (said or is_null_path(head))):
        return False
    proof = is_null_path(head) or codes_in(message.text).status != "" or not _is_personal(head)
    return (proof and not _ANSWER.match(subject)) or _names_who(message)


def _names_who(message: Message) -> bool:
    """Whether nobody is answered and somebody else's address stands where reports put a recipient."""
    head = message.headers
    if head.first("in-reply-to") or head.first("references"):
        return False
    return bool(standing_out(message, tear(message.text).words[:LONGEST_SAID]))


def is_daemon(head: Headers) -> bool:
    """Whether the writer is a mail system, by its name or address."""
    writer = head.spoken("from")
    returns = (head.first("sender"), head.first("return-path"))
    return (
        bool(_DAEMON.search(writer))
        or writer == "<>"
        or any(_OFFICE.match(value.strip("< ")) for value in returns)
    )


def is_answer(head: Headers) -> bool:
    """Whether it looks like a person's answer: somebody whose address is postmaster@ answers like anybody."""
    return bool(_ANSWER.match(head.spoken("subject"))) and _is_personal(head) and not is_null_path(head)


def is_null_path(head: Headers) -> bool:
    """Whether the message came with the empty return path of machines (RFC 5321 section 4.5.5)."""
    return any(value.strip() == "<>" for value in head.every("return-path"))


def read_bounce(message: Message) -> list[Return]:
    """One return for each recipient that the words name; none where this is no bounce."""
    return told_of(message) if is_bounce(message) else []


def told_of(message: Message) -> list[Return]:
    """The same for a message that is known to tell of mail: one return at least."""
    torn = tear(message.text)
    if _has_arrived(message, torn):
        return [_arrived(message, torn)]
    later = _LATER.search(torn.words) is not None and not _NEVER.search(torn.words)
    marks = marks_of(message, *marks_of_head(torn.original))
    pieces = pieces_of(torn.words, recipients_of(message, torn))
    told = (_return(message, torn, who, piece, later=later) for who, piece in pieces)
    return [one._replace(marks=(*one.addresses, *marks)) for one in told]


def _return(message: Message, torn: Torn, who: str, piece: str, *, later: bool) -> Return:
    said = next(_spoken(piece, who), piece)
    codes = codes_in(said)
    if not codes.status or codes.status.startswith("2"):
        # Some number the reason in front of what the server said.
        codes = Codes(codes.reply or codes_in(piece).reply, codes_in(piece).status)
    if later:
        return Return(
            "",
            "deferred",
            addresses=(who,) if who else (),
            status=codes.status,
            words=one_line(said),
            recipient=who,
        )
    diagnosis = _diagnosis(message, codes, piece, torn.words, who)
    if diagnosis.bounce == "hard" and message.headers.first("x-spasign").strip().upper() == "NG":
        # A Japanese carrier's own word for: their customer's filter refused it.
        diagnosis = Diagnosis("block", "refused by the person")
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


def _spoken(piece: str, who: str) -> Iterator[str]:
    """What the server said in these words: from its code, after a label like a reason, after the address."""
    if match := _REPLIED.search(piece):
        yield paragraph(piece, match.start())
    elif match := _CODED.search(piece):
        yield paragraph(piece, piece.rfind("\n\n", 0, match.start()) + 1)
    if match := _SPOKEN.search(piece):
        yield paragraph(piece, match.end())
    place = piece.lower().find(who.lower()) if who else -1
    if place >= 0:
        line = piece.rfind("\n", 0, place) + 1
        rest = piece[place + len(who) :].lstrip(" >:\t\"'")
        yield f"{piece[line:place]} {paragraph(rest.lstrip(), 0)}"


def _has_arrived(message: Message, torn: Torn) -> bool:
    """Whether the words tell of success alone: some mail reached one person and failed to reach another."""
    words = f"{message.headers.spoken('subject')}\n{torn.words[:LONGEST_SAID]}"
    failed = _REPLIED.search(words) or _CODED.search(words) or _FAILED.search(words)
    return _ARRIVED.search(words) is not None and failed is None


def _arrived(message: Message, torn: Torn) -> Return:
    who = next(iter(recipients_of(message, torn)), "")
    return Return("", "delivered", addresses=(who,) if who else (), words=one_line(torn.words), recipient=who)


def _is_personal(head: Headers) -> bool:
    return not any(head.first(name) for name in _MACHINES)
