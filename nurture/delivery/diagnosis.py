"""Why a server refused a message, and what that means for the person: one table for every way we hear of it.

Words come first, because servers mean what they say more often than what they number: a full mailbox is
reported as 5.1.1, a blocklist as 5.0.0. Then the enhanced code (RFC 3463, RFC 7372, RFC 7504, RFC 7505), then
the reply code (RFC 5321). A policy, class 5.7, is never taken for a dead address, and nothing temporary is.
"""

import re
from typing import Literal, NamedTuple

Bounce = Literal["hard", "soft", "block", "content", "unknown"]
LONGEST_SAID = 4_000
"""Characters of a server's words that are looked at."""


class Diagnosis(NamedTuple):
    """What a refusal means: `bounce` as in `intake.returns.Bounce`, and our name of the reason."""

    bounce: Bounce
    reason: str


_WHO = (
    r"(?:users?|user ?names?|recipients?|mail ?box(?:es)?|account|e-?mail|address(?:es)?|addressee|alias|person|"
    r"member|subscriber|spectator|customer|local[- ]?part|mail ?drop|rcpt|destination|login|subscriber id)"
)
_BAD = (
    r"(?:unknown|invalid|incorrect|non-?exist[ae]nt|not existing|unrecogni[sz]ed|undefined|illegal|bad|wrong|"
    r"no such|undeliverable|inexistent|unregistered)"
)
_WORDS = {
    # Their mailbox, now.
    "mailbox full": (
        r"quota|mail ?(?:box|folder|drop|file)?(?: is| was|'s)? ?(?:currently |already )?(?:too )?full\b|"
        r"full mail ?box|not enough (?:storage |disk )?space|insufficient (?:system )?(?:storage|disk|space)|"
        r"(?:disk|storage|mailbox|space|inbox)[\w ]{0,30}(?:exceed|over|used up|exhaust|full)|"
        r"exceed\w*[\w ,']{0,40}(?:storage|disk space|allocation|mailbox|allowed space|maximum space)|"
        r"too (?:much mail data|many messages (?:in|on))|over (?:the )?(?:allowed |disk |storage |size )limit|"
        r"bo[iî]te[\w ']{0,40}pleine|(?:postfach|mailbox|konto)[\w ]{0,30}voll\b|buz[oó]n[\w ]{0,20}llen|casella[\w ]{0,20}piena|"
        r"caixa[\w ]{0,30}cheia|mailbox[\w ]{0,20}vol\b|переполнен|容量|一杯|いっぱい|已满|空间不足|超过[\w]{0,6}限"
    ),
    "message too big": (
        r"(?:message|mail|size|file|attachment|length|header)s?[\w ()'.,:<>]{0,60}(?:too (?:big|large)\b|"
        r"exceed\w*[\w ()',]{0,40}(?:size|limit|length|maximum))|(?:too (?:big|large)|exceed\w*)"
        r"[\w ()',]{0,60}(?:message|attachment|maximum|size|fixed)|size limit|larger than|(?:line|header|field|subject)s?[\w ]{0,20} too long|"
        r"nachricht[\w ]{0,30}zu gro|message trop volumineux|サイズ"
    ),
    "mailbox suspended": (
        r"(?:account|mail ?box|user|address|recipient|domain|inbox)[\w ()<>@.,:'/-]{0,80}(?:suspend|disabled|"
        r"deactivat|frozen|(?:temporarily )?limited|\block(?:ed|out)\b|temporarily inactive|on hold|has expired|archived|discontinued|"
        r"terminated|is inactive due|inactive account|restricted|blocked temporarily)|(?:suspended|disabled|"
        r"deactivated|frozen|locked|inactive|archived|discontinued|dormant|expired)[ /-](?:e-?mail )?(?:user|"
        r"account|mail ?box|recipient|address)|suspend the service|no longer (?:accepts|receiv\w+) (?:e-?)?mail|"
        r"destinataire archiv|(?:konto|postfach)[\w ]{0,30}(?:gesperrt|deaktiviert)|compte[\w ]{0,20}"
        r"(?:suspendu|désactivé)|cuenta[\w ]{0,30}(?:suspendida|desactivada|inhabilitada)"
    ),
    # Their mailbox, for good: said of the address, so before what may be said of us.
    "mailbox moved": (
        r"has (?:been )?(?:moved|replaced by|changed to)|has a new (?:e-?mail )?address|user not local; please try|"
        r"no longer on (?:this )?server|address (?:has )?changed|mailbox (?:has )?moved"
    ),
    # Us: whom they think we are.
    "relaying denied": (
        r"\brelay(?:ing|ed|s)?\b[\w ,:'-]{0,60}(?:den|not (?:permitted|allowed)|prohibit|refus|reject|fail|"
        r"forbidden|disallow|block)|(?:den\w+|not (?:permitted|allowed|authori[sz]ed) to|unable to|no|refused|"
        r"prohibit\w*|won't|cannot|can't|insecure mail|as a) relay|we do not relay|not (?:a |an )?(?:gateway|"
        r"open relay|in my list of allowed rcpthosts)|isn't in my list of allowed rcpthosts|outgoing smtp server"
    ),
    "not allowed to post": (
        r"(?:members?|subscribers?)[- ]only|not a (?:list )?(?:member|subscriber)|non-?member|not (?:allowed|"
        r"permitted|authori[sz]ed) to (?:post|send (?:mail |messages? |e-?mails? )?to)|permission to (?:post|send)|"
        r"closed (?:mailing )?list|is not (?:yet )?subscribed|groups\.google\.com|only (?:accept\w*|allow\w*|receiv\w*)[\w ]{0,40}from|"
        r"not member|restricted to (?:members|authenticated|internal)|RESOLVER\.RST|NotAuthori[sz]ed|"
        r"DELIVERY RESTRICT|require\w* (?:that )?(?:all )?senders? (?:to )?(?:be |are )?authenticat"
    ),
    "sender refused": (
        r"(?:sender|mail ?from|from(?::| ?<)|return[- ]path|originator|envelope from)(?:'s)?[\w <>@.,:;'()/=+-]{0,90}"
        r"(?:reject|denied|refus|not (?:accept|allow|permit|exist|found|verif|resolv|valid|authori[sz]ed)|invalid|"
        r"verif\w* fail|does ?n[o']?t exist|unknown|blocked|black-?list|is not|not pre-?approved|spam|suspen|bad)|"
        r"(?:bad|invalid|unroutable|unverified|blocked|rejected|unknown|forged|null|empty|unacceptable) (?:envelope )?"
        r"(?:sender|return address|mail from|reverse.path)|(?:could not|cannot|unable to|couldn't|failed to) "
        r"(?:verify|resolve)[\w ']{0,20}(?:sender|your|from)|sender'?s? (?:domain|address|verify)|"
        r"badsender|callout|badmailfrom|backscatter|exp[ée]diteur|[ée]metteur invalide|remitente|absender|mittente|"
        r"returned mail not accepted|domain of sender|not owned by user|purported responsible"
    ),
    "no proof of who sent it": (
        r"\bspf\b|\bdkim\b|\bdmarc\b|sender policy framework|domainkeys|unauthenticated|authenticat\w+ "
        r"(?:fail|check|level|require|information|is required)|(?:required?|needed?)[\w ]{0,20}authenticat|"
        r"not (?:been )?authenticated|spoof|forge[dr]|does not (?:meet|pass)[\w ]{0,30}authenticat|sender ?id\b|"
        r"\barc\b[\w -]{0,20}fail|impersonat|anti-?phish|phish"
    ),
    "no reverse name": (
        r"\bptr\b|reverse[- ](?:dns|lookup|ip|name|mapping|host|address|record)|\brdns\b|fcrdns|no reverse|"
        r"(?:cannot|could not|can't|couldn't|unable to)[\w ]{0,20}(?:find|resolve|reverse)[\w ]{0,20}"
        r"(?:hostname|your (?:hostname|ip|address|server)|ip address|client)|without (?:a )?(?:reverse|ptr|dns)|"
        r"(?:missing|bad|no|invalid|generic|dynamic)[\w ]{0,20}(?:reverse|ptr|rdns|host ?name)|"
        r"(?:client|your) host(?: ?name)? (?:rejected|is not)|\bhelo\b|\behlo\b"
    ),
    "virus": r"\bvirus|\bworm\b|malware|infected|trojan|\bclamav\b|ウイルス|病毒",
    "on a blocklist": (
        r"black-?list|block-?list|\bdns[bw]l\b|\brbl\b|\bsbl\b|\bxbl\b|\bpbl\b|\bcss\b|spamhaus|spamcop|barracuda"
        r"(?:central| reputation)|sorbs|uribl|surbl|invaluement|proofpoint|cloudmark|\bcdrbl\b|trend ?micro|senderbase|"
        r"reputation|(?:is|are|was|been|currently)(?: (?!not )\w+)? (?:listed (?!in)|blocked|banned)|blocked (?:by|using|for|due|"
        r"from|because)|(?<!not )\blisted (?:at|in|on|by|with)|(?:your|this|the|from|client|sending|source)[\w ]{0,20}"
        r"(?:ip|host|server|network|address range|mta|domain)(?: address)?[\w .:()<>\[\]-]{0,60}(?:block|ban|reject|"
        r"refus|denied|not (?:allow|accept|permit|authori)|abus|poor|bad |listed)|sperrliste|schwarze liste|"
        r"access denied\. ?(?:please|see|contact|ip|for)|is on our block|"
        r"not accepted? (?:any )?(?:mail )?(?:from )?(?:your|this) (?:ip|host|server)|dynamic (?:ip|address|host)"
    ),
    "taken for spam": (
        r"\bspam|\bspammy|\bube\b|\buce\b|junk ?mail|bulk e?-?mail|unsolicited|high on spam|\bham\b|suspicious|"
        r"score[ds]? (?:too )?high|looks like|spamassassin|\bdcc\b|pyzor|razor|bayes|message (?:was )?"
        r"(?:identified|classified|detected|scored)|pollen|indésirable|correo no deseado|垃圾|迷惑|スパム|спам"
    ),
    "unwelcome content": (
        r"(?:content|attachment|file|attached|url|link)s?[\w ':,./-]{0,60}(?:reject|block|den|not allow|prohibit|"
        r"banned|forbidden|illegal|potential|unaccept|violat|executable|black-?list)|banned (?:file|attach|content|ext)|illegal attachment|"
        r"(?:reject|block|refus)\w*[\w ]{0,30}(?:content|attachment)"
    ),
    "too much mail": (
        r"too many (?:connection|session|recip|mail|message|concurrent|smtp|sender|error|invalid|unknown|bad|"
        r"emails|rcpt)|rate[- ]?(?:limit|control|exceed|of mail)|throttl|too (?:fast|frequent|quickly|often)|"
        r"(?:exceed\w*|reached|over)[\w ,']{0,50}(?:rate|limit|connections|number of|daily|hourly|per (?:day|hour|"
        r"minute|connection|session))|(?:limit|maximum)[\w ,']{0,40}(?:exceeded|reached)|unusual rate|"
        r"slow down|sending too|at a rate (?:that|which)|message rate|connection limit|grey-?list|gray-?list|temporarily deferred due to"
    ),
    # The address.
    "no such domain": (
        r"(?:host|domain)s?(?: or domain)?(?: ?name)?s?(?: \S+)?(?::| is| was| are|'s)? ?(?:not (?:be )?(?:found|known|"
        r"exist|reach|resolv|valid)|unknown|does ?n[o']?t exist|nonexist|non-exist|unreachable|invalid|inexist)|"
        r"(?:no such|unknown|invalid|non-?existent|bad|illegal|unresolvable|nonexistent) (?:mail |e-?mail |remote |"
        r"destination |recipient )?(?:host|domain)|name or service not known|any host named|domain must exist|"
        r"mail exchanger or ip|unrout?e?able (?:address|mail domain|domain)|(?:mx|mail exchanger)s?(?: records?)?"
        r"[\w :]{0,40}(?:non-?exist|not found|no |unresolv)|nxdomain|no (?:mx|dns|mail exchanger|valid mx)\b"
        r"[\w /]{0,30}(?:record|host|found|for|data|entr)|(?:dns|lookup|look-?up|query)[\w .:=()-]{0,60}"
        r"(?:non-?exist|no such|nxdomain|no data|does not exist|notfound|infonodata|infonxdomain)|"
        r"domain[\w ]{0,30}(?:introuvable|inexistant|unbekannt|desconocid|sconosciut|onbekend)|ホストが見つ|域名不存在|"
        r"(?:mail )?domain[\w ]{0,40}is unknown|account or domain may not exist"
    ),
    "takes no mail": (
        r"(?:host|domain|server|system|it)[\w /.]{0,20}(?:does|do|will|is)(?: not|n't) (?:accept|accepting|receive|"
        r"handle|take)(?: any)? (?:e-?)?mails?\b|null ?mx|no smtp (?:service|server)|never accepts mail"
    ),
    "refused by the person": (
        r"(?:user|recipient|addressee|customer|subscriber)s?[\w ]{0,30}(?:refus|reject(?:s|ed (?:this|your|the|mail))|"
        r"does not (?:wish|want|accept)|declin|has (?:blocked|restricted)|prefer)|user rules|recipient preferences|"
        r"blocked by (?:the )?(?:recipient|user|addressee)|(?:message|mail) (?:was )?filtered|is protected by|"
        r"not accepting (?:any )?(?:mail|messages)|specific (?:e-?mail )?addresses|受信拒否|拒否|by the recipient|"
        r"challenge[- ]response|confirm (?:that )?you are|whitelist"
    ),
    "no such mailbox": (
        rf"\b{_BAD} (?:(?:or \w+|local|virtual|destination|envelope|recipient|e-?mail|mail|internet|final|smtp|unix|"
        rf"remote|rcpt|to|forward)[ /:-]+)*(?:{_WHO}\b|gateway user|here)|"
        rf"\b{_WHO}\b\S{{0,100}}?(?: \S{{1,120}}){{0,4}}?[ \"'>)\]:;,.|-]+(?:unknown|un-known|invalid|(?:not|n't|cannot|"
        r"can't) (?:be )?(?:found|known|exist\w*|listed|present|valid|recogni[sz]ed|local|registered|an? (?:valid|known|"
        r"local|registered|active)|our (?:customer|user)|available here|ok\b|active|defined|delivered to)|no longer "
        r"(?:\w+ )?(?:valid|exist|available|in use|active|employ|work|with|at|here|used|a member)|non-?exist\w*|"
        r"not exist)|"
        rf"\b{_WHO}\b\S{{0,100}}? (?:\S{{1,120}} )?(?:(?:is|was|are|has been|has|have) )?(?:left|removed|deleted|closed|"
        r"cancell?ed|unavailable|inactive|not available)\b|"
        r"\b(?:no|not an?) (?:mail ?box|account|user|recipients?|person|one|valid recipients?|local user|such|known|"
        r"active|valid|registered|e-?mail address)\b[\w <>@.,:'-]{0,60}(?:name|here|with|found|at this|matches|user|"
        r"exist|mailbox|recipient|account|address|bye|on this|available|person|local)|"
        r"does(?: not|n't|n\?t|nt) (?:have an? |exist\b|correspond|match a)|"
        r"not (?:found|listed) in[\w &'/.-]{0,40}(?:director|address book|names?\b|database|table|list|ldap)|"
        r"no match\w*[\w ]{0,20}(?:nameserver|name ?server|in name|found)|recip\w*not ?found|badrcptto|"
        r"(?:in|from) name directory|left the (?:company|organi[sz]ation|firm)|no longer (?:with|works|employed)|"
        r"vdeliver: invalid|not our customer|missing home directory|can't accept user|nobody here|who's that|"
        r"user (?:not active|is inactive)|name is not found|not (?:a )?local address|can ?not find (?:the )?"
        rf"{_WHO}|recipients? (?:address )?rejected: (?:access denied|undeliverable|unverified|user)|"
        r"could(?: not|n't) be (?:found|located)|wasn't found|not found at|was not found|address rejected$|"
        r"(?:empf[aä]n?ger|benutzer|adresse|postfach|user)[\w .:<>@-]{0,60}(?:unbekannt|existiert nicht|nicht "
        r"(?:gefunden|bekannt|vorhanden|existent)|ung[uü]ltig)|unbekannter? (?:empf|benutzer|user|adress)|"
        r"(?:destinataire|utilisateur|adresse|bo[iî]te|compte)[\w .:<>@'àéèû-]{0,60}(?:inconnue?|invalide|"
        r"inexistante?|introuvable|n'existe pas|pas trouv)|"
        r"(?:usuario|destinatario|direcci[oó]n|cuenta|buz[oó]n|utente|casella|indirizzo|usu[aá]rio|destinat[aá]rio|"
        r"endere[cç]o|conta|persona)[\w .:<>@-]{0,60}(?:desconocid|no existe|no encontrad|inv[aá]lid|no v[aá]lid|"
        r"sconosciut|inesistent|non (?:esiste|trovat|valid)|desconhecid|n[aã]o existe|inexistente|n[aã]o encontrad)|"
        r"no existe (?:dicha|ese|el|la|un|tal)|nessun utente|"
        r"(?:gebruiker|ontvanger|adres|postvak)[\w .:<>@-]{0,40}(?:onbekend|bestaat niet|niet gevonden)|"
        r"onbekende? (?:gebruiker|ontvanger|adres)|ok[aä]nd (?:anv[aä]ndare|mottagare)|ukjent (?:bruker|mottaker)|"
        r"ukendt (?:bruger|modtager)|(?:mottagar|mottaker|modtager)\w*[\w .:<>@-]{0,40}(?:finns inte|hittades inte|"
        r"ikke)|nie istnieje|nieznany|neexistuje|neznám|nem létez|ismeretlen|bulunamad|mevcut değil|"
        r"не существует|не найден|неизвестн|несуществ|нет такого|существует такой|"
        r"(?:宛先|ユーザ|メールアドレス|アドレス|受信者)\S{0,40}(?:不明|存在し|見つかり|ありません)|存在しません|存在しない|"
        r"不存在|找不到|無此|无此|没有这个|查無|존재하지|없는 (?:사용자|계정|수신)"
    ),
    # The way there.
    "routing loop": (
        r"too many (?:hops|received)|\bloops?\b|looping|hop ?count|loops back|mx list for|points (?:back )?to (?:local|my|this|us)|routing loop|mail loop|maximum hop"
    ),
    "nobody answered": (
        r"connect(?:ion|ing)?[\w \[\].:,()]{0,60}(?:refused|timed? ?out|reset|lost|dropped|failed|closed|broken|error|"
        r"unreachable|abort)|(?:lost|broken|no) (?:connection|pipe|response|answer)|conversation with|"
        r"(?:network|host|server|destination)[\w ]{0,30}(?:unreachable|error|not respond|did not (?:accept|respond)|"
        r"down\b|busy)|no route to host|timed? ?out|timeout|socket error|unable to connect|could ?n[o']t (?:connect|"
        r"contact|reach|establish)|cannot (?:connect|contact|reach)|(?:tls|ssl|starttls)[\w -]{0,40}(?:fail|error|"
        r"required|handshake|not|unavail)|name server|dns (?:server|error|problem|failure|timeout)|"
        r"bad connection|no (?:answer|response) from|wasn't able to establish|temporary (?:lookup|name|dns)"
    ),
    "given up": (
        r"expired|too old|retry (?:time|timeout|limit)|retries|in (?:the )?queue (?:too|for)|too long|"
        r"failing for a long time|delivery attempt|has been (?:trying|delayed|waiting)|gave? up|aborted after|"
        r"\bnot yet been delivered|(?:delayed|undelivered) for|within \S+ (?:hours?|days?)|for (?:more than |the last )?"
        r"\d+(?:\.\d+)? (?:hours?|days?)|deadline|time limit|could not be delivered for|delivery time"
    ),
    # The message, and their machines.
    "malformed": (
        r"8-?bit|\bmime\b|malformed|(?:header|format|syntax|character|encod|line|newline|rfc ?\d*)[\w ,.'-]{0,60}"
        r"(?:invalid|illegal|error|missing|not (?:compl|conform|allow|accept|permit)|bare|improper|bad|broken|duplicate)|"
        r"(?:invalid|illegal|missing|improper|bare|duplicate|non-?compliant|multiple|bad)[\w -]{0,30}(?:header|format|"
        r"syntax|charact|encod|line ?feed|lf|message-id|date|from|rfc|content)|not (?:rfc|compliant)|"
        r"\brfc ?(?:822|2822|5322|2045|2821|5321)\b|smtputf8|internationali|conver(?:t|sion)"
    ),
    "protocol error": (
        r"command|syntax error|bad sequence|not implemented|protocol|pipelin|out of sequence|unrecognized parameter"
    ),
    "policy": (
        r"polic(?:y|ies)|security|access denied|not (?:allowed|permitted|authori[sz]ed|accepted)|prohibit|"
        r"administrativ|local rule|rule|refused|denied|forbidden|unacceptable|rejected|blocked|violat|unwelcome|restrict"
    ),
    "trouble at their end": (
        r"(?:system|local|internal|server|service|config|configuration|mailer|program|delivery|resource|file|i/o|"
        r"processing|transport|script|pipe|software|database|ldap|temporary|temporarily)[\w :,.-]{0,40}(?:error|fail|"
        r"problem|unavailable|not available|trouble|incorrect|exited|exit|died|returned|down)|can't create|cannot "
        r"(?:open|create|write|append|exec|find program|update)|permission denied|exit(?:ed)? (?:status|with|value)|"
        r"return(?:ed)? (?:code|status)|signal \d|no space left|unknown mailer error|unexpected|data format error|"
        r"service (?:currently |temporarily )?unavailable|try (?:again|later)|out of memory|\bi/o\b|operation"
    ),
}  # fmt: skip
"""What servers write, in the order in which it is looked for; the first that fits names the reason.

What is said of us stands before what is said of the address: words like "unknown" occur in both. Patterns
never repeat without a bound, so that looking takes bounded time.
"""
_FITS = tuple((reason, re.compile(words, re.IGNORECASE)) for reason, words in _WORDS.items())

_MEANS: dict[str, Bounce] = {
    "mailbox full": "soft", "message too big": "content", "mailbox suspended": "soft", "mailbox moved": "hard",
    "relaying denied": "block", "not allowed to post": "block", "sender refused": "block",
    "no proof of who sent it": "block", "no reverse name": "block", "virus": "content",
    "unwelcome content": "content", "on a blocklist": "block", "taken for spam": "block",
    "too much mail": "soft", "no such domain": "hard", "takes no mail": "hard",
    "refused by the person": "block", "no such mailbox": "hard", "routing loop": "soft",
    "nobody answered": "soft", "given up": "soft", "malformed": "content", "protocol error": "soft",
    "policy": "block", "trouble at their end": "soft", "filtered": "soft",
}  # fmt: skip

_STATUS = {
    "1.1": "no such mailbox", "1.2": "no such domain", "1.3": "no such mailbox", "1.4": "no such mailbox",
    "1.6": "mailbox moved", "1.7": "sender refused", "1.8": "sender refused", "1.10": "takes no mail",
    "2.1": "no such mailbox", "2.2": "mailbox full", "2.3": "message too big", "2.4": "trouble at their end",
    "3.1": "mailbox full", "3.2": "trouble at their end", "3.3": "trouble at their end",
    "3.4": "message too big", "3.5": "trouble at their end", "4.1": "nobody answered",
    "4.2": "nobody answered", "4.3": "nobody answered", "4.4": "no such domain", "4.5": "too much mail",
    "4.6": "routing loop", "4.7": "given up", "5.3": "too much mail",
}  # fmt: skip
"""Exact subjects and details of RFC 3463."""
_SUBJECT = {"3": "trouble at their end", "4": "nobody answered", "5": "protocol error", "6": "malformed", "7": "policy"}
_CODE = {552: "message too big", 521: "takes no mail", 556: "takes no mail", 525: "mailbox suspended"}
_SURE = frozenset({"1.1", "1.2", "1.3", "1.6", "1.10", "2.1"})
"""Codes that say by themselves that nobody is there: only a more telling word speaks against them."""
_VAGUE = frozenset({"protocol error", "policy", "trouble at their end", "malformed", "given up"})
"""Reasons whose words occur in any refusal: an exact code is better."""
_NOT_ABOUT_THE_ADDRESS = ("7.", "6.")
_OTHER = frozenset({"2.2", "2.3", "3.4", "4.6", "4.7"})
_TRY_AGAIN = re.compile(r"try again|temporar|time[d-]? ?out", re.IGNORECASE)
_AFTER_DATA = re.compile(r"(?:in reply to|after) (?:the )?(?:end of )?data\b|^(?:end of )?data: ", re.IGNORECASE)


def diagnose(reply_code: int, enhanced_status: str, text: str) -> Diagnosis:
    """What a refusal means. `reply_code` is 0 and `enhanced_status` empty where nobody says them.

    The words may say at which command it came: an address called unknown only once the message itself was
    there is a filter's answer, as Japanese carriers give it, unless the code is of an unknown address.
    """
    said = " ".join(text[:LONGEST_SAID].split())
    subject = enhanced_status.partition(".")[2]
    reason = _reason(reply_code, subject, said)
    bounce = _MEANS.get(reason, "unknown")
    if enhanced_status.startswith("4") or (not enhanced_status and 400 <= reply_code < 500):
        return Diagnosis("soft", reason or "not now")
    if reason == "no such domain" and _TRY_AGAIN.search(said):
        return Diagnosis("soft", "nobody answered")
    if bounce == "hard":
        if subject.startswith("7."):
            return Diagnosis("block", "policy")
        if subject not in _SURE and _AFTER_DATA.search(said):
            return Diagnosis("soft", "filtered")
    return Diagnosis(bounce, reason or "no reason given")


def _reason(reply_code: int, subject: str, said: str) -> str:
    spoken = next((reason for reason, words in _FITS if words.search(said)), "")
    coded = _STATUS.get(subject, "")
    if coded and (not spoken or spoken in _VAGUE or _speaks_of_another(spoken, subject)):
        return coded
    return spoken or _SUBJECT.get(subject.partition(".")[0], "") or _CODE.get(reply_code, "")


def _speaks_of_another(spoken: str, subject: str) -> bool:
    """Whether the words call the address dead and the code names something else for certain."""
    return _MEANS[spoken] == "hard" and subject in _OTHER
