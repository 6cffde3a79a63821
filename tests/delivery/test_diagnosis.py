"""What the words of mail systems mean: one line each, as the common ones write them."""

import time

import pytest

from nurture.delivery import diagnose
from nurture.delivery.diagnosis import Diagnosis
from nurture.delivery.replies import bounce_kind
from nurture.delivery.wording import WORDS
from nurture.intake.mail.codes import codes_in

HARD = (
    "550 5.1.1 <a@b.c>: Recipient address rejected: User unknown in virtual mailbox table",
    "550 5.1.1 <a@b.c>: Recipient address rejected: User unknown in relay recipient table",
    'unknown user: "joe"',
    "User unknown in virtual alias table",
    "Host or domain name not found. Name service error for name=b.c type=AAAA: Host not found",
    "Domain b.c does not accept mail (nullMX)",
    "bad address syntax",
    "Unrouteable address",
    "550 Unknown user",
    "550 unrouteable address",
    "all relevant MX records point to non-existent hosts",
    "an MX or SRV record indicated no SMTP service",
    "550 No such recipient here",
    'No Such User Here"',
    "550 5.1.1 <a@b.c>... User unknown",
    "550 5.1.2 <a@b.c>... Host unknown (Name server: b.c: host not found)",
    "Sorry, no mailbox here by that name. vpopmail (#5.1.1)",
    "Sorry, no mailbox here by that name. (#5.1.1)",
    "Sorry, I couldn't find any host named b.c. (#5.1.2)",
    (
        "550-5.1.1 The email account that you tried to reach does not exist. Please try 550-5.1.1 "
        "double-checking the recipient's email address for typos or 550-5.1.1 unnecessary spaces. For "
        "more information, go to https://support.google.com/mail/?p=NoSuchUser x - gsmtp"
    ),
    "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient a@b.c not found by SMTP address lookup",
    "550 5.1.1 RESOLVER.ADR.RecipNotFound; not found",
    "550 5.4.1 Recipient address rejected: Access denied. AS(201806281) [X.protection.outlook.com]",
    "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).",
    "550 5.4.310 DNS domain b.c does not exist [Message=InfoDomainNonexistent]",
    "#5.1.1 smtp; 550 5.1.1 User unknown",
    "554 delivery error: dd This user doesn't have a yahoo.com account (a@yahoo.com) [0] - mta1.mail",
    "550 5.1.1 <a@aol.com>: Recipient address rejected: aol.com",
    "552 1 Requested mail action aborted, mailbox not found",
    (
        "550 Requested action not taken: mailbox unavailable For explanation visit "
        "http://postmaster.gmx.com/en/error-messages"
    ),
    "550 Invalid Recipient - https://community.mimecast.com/docs/DOC-1369#550",
    "550 permanent failure for one or more recipients (a@b.c:550 5.1.1 User unknown)",
    "550-Invalid recipient <a@b.c> (#5.1.1)",
    "User joe (joe@b.c) not listed in Domino Directory",
    "User joe (joe@b.c) not listed in public Name & Address Book",
    "Unknown user: a@b.c",
    "unknown host: b.c",
    "No matches to nameserver query",
    "The user's email name is not found.",
    "The account has been closed",
    "550 this address no longer exists",
    "550 5.1.6 recipient no longer on server: a@b.c",
    "551 User not local; please try <x@y.z>",
    "550 a@b.c has moved to x@y.z",
    "Empfänger unbekannt",
    "Adresse inconnue",
    "utilisateur inconnu !",
    "Usuario desconocido",
    "no existe dicha persona",
    "Destinatario sconosciuto",
    "usuário inexistente",
    "宛先のメールアドレスは存在しません",
    "550 收件人不存在",
    "пользователь не найден",
    "Onbekende gebruiker",
    "550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR_416 [416]",
    "550 Recipient does not exist",
    "550 invalid mailbox",
    "550 Invalid address",
    "550 5.1.1 unknown or illegal alias: a@b.c",
    "550 mailbox not found",
    "550 No such user (joe)",
    "511 5.1.1 unknown address or alias",
    "550 Mail box unavailable",
    "550 No thank you rejected: Account Unavailable",
    "550 not a valid mailbox",
    "550 5.1.1 The email account that you tried to reach does not exist",
    "550 <a@b.c> is not a valid recipient",
    "550 There is no one at this address",
    "550 user has been deleted",
    "Not our Customer",
)
SOFT = (
    "Host or domain name not found. Name service error for name=b.c type=MX: Host not found, try again",
    "connect to b.c[1.2.3.4]:25: Connection timed out",
    "connect to mx.b.c[1.2.3.4]:25: Connection refused",
    "lost connection with mx.b.c[1.2.3.4] while receiving the initial server greeting",
    "mail for b.c loops back to myself",
    "cannot update mailbox /var/mail/joe for user joe. error writing message: File too large",
    "452 4.3.1 Insufficient system storage",
    "451 4.7.1 Greylisting in action, please come back later",
    "retry timeout exceeded",
    "mailbox is full: retry timeout exceeded",
    "lowest numbered MX record points to local host",
    "554 5.0.0 MX list for b.c points back to mx",
    "553 5.3.5 system config error",
    "552 5.2.2 <a@b.c>... Mailbox full",
    "Deferred: Connection timed out with mx",
    "451 4.4.1 reply: read error from mx",
    "554 5.4.6 Too many hops 26 (25 max)",
    (
        "Sorry, I wasn't able to establish an SMTP connection. (#4.4.1) I'm not going to try again; this "
        "message has been in the queue too long."
    ),
    "The email account that you tried to reach is over quota",
    "mailbox has exceeded its quota (#5.2.2)",
    "This message is looping: it already has my Delivered-To line. (#5.4.6)",
    "user is over quota",
    (
        "552-5.2.2 The email account that you tried to reach is over quota. Please direct 552-5.2.2 the "
        "recipient to https://support.google.com/mail/?p=OverQuotaPerm"
    ),
    (
        "550-5.2.1 The email account that you tried to reach is disabled. Learn more at "
        "https://support.google.com/mail/?p=DisabledUser"
    ),
    "421-4.7.0 [1.2.3.4 15] Our system has detected an unusual rate of unsolicited mail",
    "550 5.4.5 Daily user sending limit exceeded",
    (
        "550 5.2.2 STOREDRV.Deliver: mailbox full. The following information should help identify the "
        'cause of this issue: "quota"'
    ),
    "554 5.2.0 STOREDRV.Deliver.Exception:QuotaExceededException; Failed to process message",
    "550 5.4.300 Message expired -> 451 4.4.0 DNS query failed",
    "550 5.4.312 Message expired; DNS query failed",
    "550 4.4.7 QUEUE.Expired; message expired",
    "550 5.4.14 Hop count exceeded - possible mail loop ATTR34",
    "554 30 Sorry, your message to a@yahoo.com cannot be delivered. This mailbox is disabled (554.30).",
    (
        "421 4.7.0 [TSS04] Messages from 1.2.3.4 temporarily deferred due to unexpected volume or user "
        "complaints - 4.16.55.1"
    ),
    "552 Requested mail action aborted: exceeded storage allocation For explanation visit",
    "User mailbox exceeds allowed size: a@b.c",
    "Mailbox quota exceeded",
    "The recipient's mailbox is full",
    "Account is disabled",
    "550 User suspended",
    "550 5.2.1 Mailbox disabled, not accepting messages",
    "Boîte du destinataire pleine",
    "Mailbox voll",
    "550 4.4.1 timeout",
    "550 Too many recipients",
    "550 Mailbox temporarily unavailable",
    (
        "The destination computer was not reachable within the allowed period. It is possible that it does "
        "not have a mail system running."
    ),
    "550 Mailbox is inactive",
    "550 account inactive",
    "550 Account is not active",
    "421 too many connections from your IP",
    "user account is expired",
    "Delivery failed 20 attempts: a@b.c",
    "vdelivermail: account is locked email bounced",
    "554 5.4.0 Error: too many hops",
    "Envelope expired",
)
BLOCK = (
    "554 5.7.1 <a@b.c>: Relay access denied",
    "550 Administrative prohibition",
    "550 Sender verify failed",
    '550 "JunkMail rejected - mx [1.2.3.4] is in an RBL on rbl.example.net"',
    "550 Callout verification failed",
    "550 Verification failed for <x@y.z> 550 Sender verify failed",
    "553 5.1.8 <x@y.z>... Domain of sender address x@y.z does not exist",
    "550 5.7.1 <a@b.c>... Access denied",
    "550 5.7.1 Message content rejected, UBE, id=1",
    "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
    "553 sorry, your envelope sender is in my badmailfrom list (#5.7.1)",
    "554 mail server permanently rejected message (#5.3.0)",
    (
        "550-5.7.26 This mail has been blocked because the sender is unauthenticated. Gmail requires all "
        "senders to authenticate with either SPF or DKIM."
    ),
    (
        "550-5.7.1 [1.2.3.4] Our system has detected that this message is likely unsolicited mail. To "
        "reduce the amount of spam sent to Gmail, this message has been blocked."
    ),
    (
        "550-5.7.1 [1.2.3.4      12] Our system has detected that this message is likely suspicious due "
        "to the very low reputation of the sending domain."
    ),
    "552-5.7.0 This message was blocked because its content presents a potential security issue.",
    "550 5.7.1 RESOLVER.RST.AuthRequired; authentication required",
    "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required",
    (
        "550 5.7.1 Service unavailable, Client host [1.2.3.4] blocked using Spamhaus. To request removal "
        "from this list see https://www.spamhaus.org/query/ip/1.2.3.4 (AS16012609)"
    ),
    "550 5.7.606 Access denied, banned sending IP [1.2.3.4]",
    "550 5.7.515 Access denied, sending domain b.c does not meet the required authentication level.",
    (
        "550 5.7.1 Unfortunately, messages from [1.2.3.4] weren't sent. Please contact your Internet "
        "service provider since part of their network is on our block list (S3150)."
    ),
    "550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP.",
    "550 5.1.8 Access denied, bad outbound sender",
    ("553 5.7.1 [BL21] Connections will not be accepted from 1.2.3.4, because the ip is in Spamhaus's list"),
    "554 Message not allowed - [PH01] Email not accepted for policy reasons.",
    "554 5.7.9 Message not accepted for policy reasons",
    (
        "554-gmx.net (mxgmx001) Nemesis ESMTP Service not available 554-No SMTP service 554 Bad DNS PTR "
        "resource record."
    ),
    "550 5.7.1 Blocked - see https://ipcheck.proofpoint.com/?ip=1.2.3.4",
    (
        "550 Rejected by header based Anti-Spoofing policy: x@y.z - "
        "https://community.mimecast.com/docs/DOC-1369#550"
    ),
    "550 Administrative prohibition - envelope blocked",
    "554 Email rejected due to security policies",
    "550 permanent failure for one or more recipients (a@b.c:blocked)",
    "501 Connection rejected by policy [7.7] 18205, please visit www.messagelabs.com/support",
    "550 5.7.0 Local Policy Violation",
    "554 5.7.1 Your IP address is listed at bl.spamcop.net",
    "554 Transaction failed : spam score too high",
    "550 #5.7.1 Your access to submit messages to this e-mail system has been rejected.",
    "550 5.7.1 Client does not have permissions to send as this sender",
    "550 you are not allowed to post to this list",
    "recipient refused to receive mail from you",
    "550 5.7.1 Recipient not authorized, your IP has been found on a block list",
    "550 SPF check failed",
    "550 5.7.1 DMARC failure",
    "550 Reverse DNS lookup failed",
    "554 5.7.1 recipient address rejected: user unknown in relay recipient table",
)
CONTENT = (
    "message size 12000 exceeds size limit 10000 of server mx[1.2.3.4]",
    "554 5.6.0 STOREDRV.Deliver; Corrupt message content",
    "Message rejected due to content restrictions",
    "550 message contains a virus (Eicar)",
    "554 5.6.1 Body type not supported",
    "552 5.3.4 Message size exceeds fixed limit",
)


def meaning(said: str) -> Diagnosis:
    codes = codes_in(said)
    return diagnose(codes.reply, codes.status, said)


@pytest.mark.parametrize("said", HARD)
def test_nobody_is_there(said: str) -> None:
    assert meaning(said).bounce == "hard"


@pytest.mark.parametrize("said", SOFT)
def test_not_now(said: str) -> None:
    assert meaning(said).bounce == "soft"


@pytest.mark.parametrize("said", BLOCK)
def test_not_from_us(said: str) -> None:
    assert meaning(said).bounce == "block"


@pytest.mark.parametrize("said", CONTENT)
def test_not_this_message(said: str) -> None:
    assert meaning(said).bounce == "content"


@pytest.mark.parametrize("code", ["5.7.0", "5.7.1", "5.7.26", "5.7.515", "5.7.999"])
@pytest.mark.parametrize("words", ["user unknown", "no such mailbox", "host not found", "has moved", ""])
def test_a_policy_never_says_that_nobody_is_there(code: str, words: str) -> None:
    assert diagnose(550, code, f"550 {code} {words}").bounce == "block"


@pytest.mark.parametrize("code", ["4.1.1", "4.2.2", "4.4.7", "4.7.1"])
def test_what_is_temporary_is_soft(code: str) -> None:
    assert diagnose(450, code, "user unknown, listed, too big").bounce == "soft"


def test_words_that_mean_nothing_are_unknown_and_live_a_block() -> None:
    assert diagnose(550, "", "550 go away") == Diagnosis("unknown", "no reason given")
    assert bounce_kind(550, "go away") == "block"


def test_an_address_refused_after_the_message_was_sent_is_a_filter() -> None:
    assert diagnose(550, "", "end of data: 550 user unknown") == Diagnosis("soft", "filtered")
    assert diagnose(550, "", "RCPT: 550 user unknown").bounce == "hard"
    assert diagnose(550, "5.1.1", "end of data: 550 5.1.1 user unknown").bounce == "hard"


def test_looking_takes_bounded_time() -> None:
    """What is almost a match, over and over, for many ways to go on."""
    almost = [
        piece
        for words in WORDS.values()
        for piece in sorted(words.replace("\\", "").split("|"), key=len)[-2:]
    ]
    for piece in (*almost, "user ", "mailbox: ", "message, ", "connection ", "sender <", "no "):
        started = time.process_time()
        diagnose(550, "", piece * (4_000 // len(piece)))
        assert time.process_time() - started < 0.5, piece
