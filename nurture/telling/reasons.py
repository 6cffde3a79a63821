"""A reason as a phrase: its code picks the words, its figures fill them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from nurture.core.answers import FOREVER, Reason

Figures = Mapping[str, Any]


def words(reason: Reason, zone: str = "UTC") -> str:
    """The reason as a phrase; instants in a zone."""
    teller = _WORDS.get(reason.code)
    return teller({"zone": zone, **reason.figures}) if teller else reason.code


def moment(at: datetime | None, zone: str = "UTC") -> str:
    """An instant as people read it, in a zone: `Mon 2 Mar 2026 08:46 GMT`."""
    if at is None or at.year >= FOREVER.year:
        return "only if something happens"
    return at.astimezone(ZoneInfo(zone)).strftime("%a %-d %b %Y %H:%M %Z")


def span(days: float) -> str:
    """A number of days as words."""
    if days == int(days):
        return f"{int(days)} day" + ("" if days == 1 else "s")
    return f"{days * 24:g} hours"


def _at(figures: Figures, name: str = "until") -> str:
    return moment(figures.get(name), figures["zone"])


def _did(figures: Figures) -> str:
    within = figures.get("within")
    return f"did {figures['signals']}" + (f" within {span(within)}" if within else "")


def _is(figures: Figures) -> str:
    value = figures.get("value")
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    if isinstance(value, float) and value == int(value):
        value = int(value)
    return f"{figures['attribute']} is {value}"


def _chosen(figures: Figures) -> str:
    text = f"first unseen in {figures['stage']}"
    if "topic" in figures:
        origin = "which the source names" if figures["origin"] == "source" else "which interests them"
        text += f" about {figures['topic']}, {origin}"
    return text


def _entry(figures: Figures) -> str:
    source, kind = figures.get("source", "unknown"), figures.get("source_kind", "unknown")
    return f"source {source}" + (f" ({kind})" if kind not in (source, "unknown") else "")


def _inner(figures: Figures) -> str:
    """The words of the rule inside a rule."""
    return words(Reason(figures.get("why", ""), figures))


def _cap(figures: Figures) -> str:
    return f"at most {figures['most']:g} per {span(figures['days'])}, room again {_at(figures)}"


def _fallen(figures: Figures) -> str:
    why = figures["why"]
    return f"what it rested on no longer stands ({'not for them' if why == 'declined' else why})"


def _over(figures: Figures) -> str:
    ground = figures.get("basis", "consent").replace("opt_in", "opt-in").replace("_", " ")
    text = f"may not be mailed: {ground} ended {_at(figures, 'at')}"
    if "months" not in figures:
        return text
    return f"{text}, {figures['months']} months after {_at(figures, 'given')}, as the law there says"


def _soft(figures: Figures) -> str:
    if "count" not in figures:
        return f"soft bounces: silent until {_at(figures)}"
    return f"{figures['count']} soft bounces since {_at(figures, 'since')}: silent until {_at(figures)}"


_WORDS: Mapping[str, Callable[[Figures], str]] = {
    # conditions
    "known": lambda g: f"{g['attribute']} is known",
    "not known": lambda g: f"{g['attribute']} is not known",
    "is": _is,
    "did": _did,
    "did not": lambda g: f"{_did(g).replace('did ', 'no ', 1)}",
    "gained": lambda g: f"gained {g['points']:.1f} points within {span(g['within'])} (needs {g['needs']:g})",
    "grade": lambda g: f"grade {g['grade']}" + (f" to {g['best']}" if g["best"] != g["grade"] else ""),
    # fit, intent, timing, promotion
    "disqualified": lambda g: f"disqualified: {g['rule']}",
    "hand raised": lambda g: f"asked for sales ({g['signal']})",
    "hand raised, fit below": lambda g: (
        f"asked for sales ({g['signal']}), but grade {g['grade']} is below {g['needs']}"
    ),
    "fit below": lambda g: f"grade {g['grade']} is never promoted by score ({g['needs']} is the least)",
    "intent": lambda g: f"intent {g['points']:.1f} of {g['needs']:.1f}",
    "intent below": lambda g: (
        f"intent {g['points']:.1f}, {g['needs'] - g['points']:.1f} short of {g['needs']:.1f}"
    ),
    "timing": lambda g: f"{g['rule']} ({_inner(g)})",
    "not yet": lambda g: f"not yet {g['rule']} ({_inner(g)})",
    "fresh": lambda g: f"{g['points']:.1f} fresh points since sales gave the lead back",
    "not fresh": lambda g: f"{g['points']:.1f} fresh points of {g['needs']:g} since sales gave the lead back",
    "no answer": lambda g: f"sales did not answer by {_at(g)}",
    "with sales": lambda g: f"with sales, who have until {_at(g)}",
    "no longer stands": _fallen,
    # stages
    "evidence": lambda g: f"evidence {g['evidence']:.1f}, {g['stage']} opens at {g['needs']:.1f}",
    "evidence below": lambda g: f"no later stage has evidence of {g['needs']:.1f}",
    "evidence faded": lambda g: f"evidence faded to {g['evidence']:.1f}, below {g['needs']:.1f}",
    "evidence stands": lambda g: f"the stage's evidence is {g['evidence']:.1f}, it ends at {g['needs']:.1f}",
    # choosing
    "chosen": _chosen,
    "next": lambda g: f"next is {g['stage']}/{g['piece']}",
    "other stage": lambda g: f"is for {g['stage']}",
    "sent": lambda g: f"was sent on {_at(g, 'at')}",
    "consumed": lambda g: f"was read on {_at(g, 'at')}",
    "failed": lambda g: "could not be delivered before",
    "unwanted topic": lambda g: f"they want nothing about {g['topic']}",
    "needs": lambda g: f"needs {g['piece']} first",
    "ranks lower": lambda g: (
        f"ranks lower (affinity {g['affinity']:.2f}, the choice has {g['best']:.2f})"
        if g["affinity"] < g["best"]
        else "comes later in the author's order"
    ),
    "not yet published": lambda g: f"is published on {_at(g)}",
    "out of date": lambda g: f"was for use until {g['on']}",
    "not for them": lambda g: f"is not for them: {_inner(g)}",
    "nothing left": lambda g: f"nothing left to say in {g['stage']}",
    "nothing left yet": lambda g: f"nothing left to say in {g['stage']}; {_ending(g)} on {_at(g)}",
    # timing
    "pause": lambda g: f"pause until {_at(g)}",
    "gap": lambda g: f"gap of {span(g['days'])} until {_at(g)}",
    "gap asked for": lambda g: f"they asked for {span(g['days'])} between messages, until {_at(g)}",
    "cool down": lambda g: f"they were active: {span(g['days'])} to read, until {_at(g)}",
    "cap": _cap,
    "open": lambda g: f"the window is open until {_at(g)}",
    "outside the window": lambda g: f"the window opens {_at(g)}",
    # enrollment
    "audience": _entry,
    "not the audience": lambda g: f"not the audience of {g['sequence']}: {_inner(g)}",
    "returns": lambda g: f"takes {g['sequence']} up again",
    "never again": lambda g: f"{g['sequence']} takes nobody twice",
    "not again yet": lambda g: f"{g['sequence']} takes them again from {_at(g)}",
    "resting": lambda g: f"resting until {_at(g)}",
    "not before": lambda g: f"they said: not before {_at(g)}",
    "unsubscribed from": lambda g: f"they unsubscribed from {g['sequence']}",
    "came back": lambda g: "came back by themselves",
    "on its way": lambda g: f"{g['piece']} is on its way",
    "exit": lambda g: f"its exit holds: {_inner(g)}",
    "left": lambda g: f"left {g['sequence']}",
    "unknown sequence": lambda g: "in no sequence that the programme knows",
    # permission
    "silent": lambda g: f"may not be mailed: {g['why']}",
    "no consent": lambda g: "may not be mailed: no ground for it",
    "consent over": _over,
    "held": lambda g: f"held until {'released' if g['until'] == FOREVER else _at(g)}",
    "paused": lambda g: f"they asked for a pause until {_at(g)}",
    "away": lambda g: f"away until {_at(g)}",
    "replied": lambda g: f"they replied: a colleague has the word until {_at(g)}, or releases them",
    "soft bounces": _soft,
    "quarantined": lambda g: f"quarantined after {g['failures']} failures in a row",
    "retracted": lambda g: "a fact it rested on was retracted",
    # states that only a fact ends
    "accepted": lambda g: "sales accepted and owns the lead",
    "opportunity": lambda g: "sales sees a deal",
    "won": lambda g: "won",
    "lost": lambda g: "lost",
    "closed": lambda g: "closed: only asking for sales opens it again",
    "declined": lambda g: "they said that this is not for them; only asking for sales opens it again",
    "gone": lambda g: "erased",
    "promoted": lambda g: "promoted to sales",
}


def _ending(figures: Figures) -> str:
    return {"rest": "rests", "close": "closes"}.get(figures["then"], f"goes on with {figures['then']}")
