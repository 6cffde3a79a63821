"""What a reply asks for, as far as one line says it: no more mail.

Asked of the visible text alone, never of quotes or footers: those hold our own words.
"""

import re
from typing import Literal

_STOP = frozenset(
    """
    unsubscribe|unsubscribe me|please unsubscribe|please unsubscribe me|unsubscribe please|stop|stop it
    please stop|stop please|remove|remove me|please remove me|remove me please|remove please|please remove
    remove me from your list|please remove me from your list|remove me from your mailing list
    please remove me from your mailing list|take me off your list|please take me off your list
    take me off your mailing list|please take me off your mailing list|take me off|opt out|opt-out|optout
    unsubscribe me from this list|please unsubscribe me from this list|unsubscribe me from your list
    please unsubscribe me from your list|stop emailing me|please stop emailing me|stop mailing me
    stop sending me emails|please stop sending me emails|stop e-mailing me|do not email me|don't email me
    do not contact me|don't contact me|do not contact me again|don't contact me again|no more emails
    no more emails please|no more mail|cancel subscription|leave me alone|stop all|stopall
    abmelden|bitte abmelden|abmeldung|abbestellen|bitte abbestellen|austragen|bitte austragen|stopp
    bitte keine e-mails mehr|bitte keine mails mehr|keine e-mails mehr|keine werbung mehr
    désabonner|me désabonner|se désabonner|désinscription|désabonnement|désinscrire|me désinscrire|stop svp
    veuillez me désabonner|merci de me désabonner|merci de me désinscrire
    baja|darme de baja|darse de baja|cancelar suscripción|dar de baja|por favor darme de baja
    cancellami|cancellatemi|disiscrivimi|disiscrizione|annulla iscrizione|cancella iscrizione
    afmelden|uitschrijven|graag afmelden|graag uitschrijven|schrijf me uit|meld me af
    cancelar|cancelar inscrição|descadastrar|sair da lista|remover|remova-me|cancelar subscrição
    afmeld|frameld|avregistrera|avsluta prenumeration|avmeld|peruuta tilaus|wypisz|wypisz mnie|rezygnuję
    odhlásit|odhlásit se|zrušit odběr|leiratkozás|dezabonare|отписаться|отпишите меня|отписка
    配信停止|退会|退订|退訂|取消订阅|수신거부
    """.replace("\n", "|").split("|")
)
_STOPS = frozenset(" ".join(each.split()) for each in _STOP if each.strip())
_MAYBE = re.compile(
    r"\b(?:unsubscribe|opt[ -]?out|(?:remove|take) me|stop (?:e-?mailing|mailing|sending|contacting|writing)|"
    r"mailing list|do not (?:contact|e-?mail|write)|don't (?:contact|e-?mail|write)|abmelden|abbestell\w*|"
    r"austragen|keine (?:e-?)?mails? mehr|désabonn\w*|désinscri\w*|de baja|disiscri\w*|uitschrijven|afmelden|"
    r"descadastr\w*|отпис\w*)",
    re.IGNORECASE,
)
_GREETING = re.compile(
    r"\s*(?:hi|hello|hey|dear|good (?:morning|afternoon|day)|hallo|guten (?:tag|morgen)|sehr geehrte[rs]?|"
    r"liebe[rs]?|bonjour|chère?|madame|monsieur|hola|estimad[oa]s?|buenos días|ciao|buongiorno|gentile|olá|"
    r"prezad[oa]s?|beste|geachte|hej|hei|kära?|cześć|dzień dobry|dobrý den|здравствуйте|добрый день)"
    r"(?:,? [^\s,]{1,30}){0,3}\s*[,!.:]?\s*",
    re.IGNORECASE,
)
"""A line that greets, and says nothing else."""


def wish(text: str) -> Literal["stop", "perhaps", ""]:
    """Whether the visible text of a reply asks for no more mail.

    stop: its first line says just that, after a greeting or without. perhaps: it speaks of it, so a person
    must read it. Never asked of quotes or footers: they hold our own words.
    """
    lines = [line for line in text.split("\n") if line.strip()]
    first = next((line for line in lines if not _GREETING.fullmatch(line)), "")
    if len(first) <= 80 and _bare(first) in _STOPS:
        return "stop"
    return "perhaps" if _MAYBE.search(text) else ""


def _bare(line: str) -> str:
    """A line without case, quotes and punctuation around it."""
    words = " ".join(line.replace("’", "'").casefold().split())
    return words.strip(" .,;:!?\"'`*_-()[]<>«»“”„…").strip()
