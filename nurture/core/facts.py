"""Facts: everything that happened to a prospect, append-only, the truth.

Two kinds, never mixed. *Observed* facts come from outside and are never illegal; *decided* facts are
what `decide` chose and carry their number, their reasons and what was passed over. Each fact has two
times in UTC: `at`, when it happened, and `known`, when it was recorded. `n` counts a prospect's facts
from 1 without a gap. Bodies are frozen dataclasses: two empty ones of different kinds are different.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from nurture.core.answers import Reason

Scalar = str | float | bool | tuple[str, ...]
"""An attribute's value; dates are ISO text (`2026-03-02`), so they sort and compare as they are."""

PassedOver = tuple[tuple[str, Reason], ...]
"""Pieces that were not chosen, each with its reason."""


# Observed ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entered:
    """Somebody came in: from where, what kind of source, on which ground we may write.

    `given`: when the ground was given (the consent's date in a list, the day of the purchase); None: when
    this fact happened. A ground that the law lets expire counts from there (docs/consent.md).
    """

    source: str
    kind: str  # referral, intent, content, outbound, partner, unknown
    campaign: str = ""
    basis: str = "none"  # consent, soft_opt_in, customer, legitimate_interest, none
    given: datetime | None = None


@dataclass(frozen=True, slots=True)
class Learned:
    """Attributes that are new or changed. Personal ones are named, never stored here."""

    values: Mapping[str, Scalar | None]
    personal: tuple[str, ...] = ()
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Clicked:
    """A person followed link `link` (counted from 1) of touch `touch`, which carried `piece`, to `url`."""

    touch: int
    piece: str
    link: int
    url: str


@dataclass(frozen=True, slots=True)
class PageViewed:
    """A page of ours was read; `touch` is the message that led there, 0 where none did."""

    url: str
    touch: int = 0


@dataclass(frozen=True, slots=True)
class FormSent:
    """A form of ours was sent; answers that are personal are left out."""

    form: str
    answers: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Consumed:
    """Somebody else tells us that a piece was read, watched or attended."""

    piece: str


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of the company's own product or site, by name."""

    name: str
    fields: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Replied:
    """A person answered one of our messages (0 where we cannot tell which).

    A colleague has the word now: nothing is said by itself until Released, or until 30 days have passed.
    """

    touch: int = 0


@dataclass(frozen=True, slots=True)
class TouchEnded:
    """The one end of a touch: sent, failed, suppressed, cancelled, expired, in_doubt.

    in_doubt may once be followed by sent or failed.
    """

    touch: int
    outcome: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Away:
    """A machine of theirs answered: nobody reads mail there, until a moment where it names one.

    Nothing is said before that moment (at most 90 days away); without one, not for 3 days.
    """

    touch: int = 0
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Contacted:
    """A colleague wrote to the person outside of our sequences; it counts like a message of ours."""

    by: str = ""


@dataclass(frozen=True, slots=True)
class Resent:
    """A touch in doubt is on its way again, under the same Message-ID."""

    touch: int
    words: str = ""


@dataclass(frozen=True, slots=True)
class Bounced:
    """A message came back; `kind` is hard, soft, block, content or unknown (docs/returns.md)."""

    touch: int
    kind: str


@dataclass(frozen=True, slots=True)
class Complained:
    """The person called us spam."""

    touch: int = 0


@dataclass(frozen=True, slots=True)
class Consented:
    """Permission was given; None means it does not end by itself.

    `scope`: all, or the id of one sequence, which they had unsubscribed from and want again. Consent to
    one sequence takes back that Unsubscribed and nothing else. `given`: as in Entered, for a ground of an
    earlier day that is said again.
    """

    basis: str
    scope: str = "all"
    until: datetime | None = None
    given: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    """The person wants no more of this.

    Everything: silence. One sequence: it is left, and never takes them in again; others go on.

    `scope`: all, or the id of one sequence; `way`: one_click, page, mailto, reply, provider, import, manual.
    """

    scope: str = "all"
    way: str = "page"


@dataclass(frozen=True, slots=True)
class Preferred:
    """All that the person asks of our mail, as it stands from now on; the last one counts.

    `without`: topics they do not want; `gap`: days between two messages at least (0: as the programme
    says); `paused_until`: nothing before. All empty: as if nothing had been asked.
    """

    without: tuple[str, ...] = ()
    gap: int = 0
    paused_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Declined:
    """The person said that this is not for them, or (`until`) not before a date.

    Without a date whom we were looking at (new, nurturing, resting) is closed; with one they rest until then,
    and no click ends that rest earlier. With sales and unanswered: the lead is withdrawn, and then so.
    Once sales owns them it is noted. Whoever asks for sales later is heard as ever.

    The way back, for who said it by mistake, is `Reconsidered`, and nothing else is.
    """

    until: datetime | None = None
    way: str = "page"


@dataclass(frozen=True, slots=True)
class Reconsidered:
    """The person takes back their last Declined: they stand where they stood before it, sequences too.

    Without effect where something else has happened to their state since: sales was asked, the rest is over.
    """

    way: str = "page"


@dataclass(frozen=True, slots=True)
class Held:
    """A colleague asked us to keep quiet, until a moment or until released."""

    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Released:
    """A colleague says that we may go on: a hold, the quiet after a reply, an absence and a silence of
    bounces are over, failures forgotten. What the person asked for stands.
    """


@dataclass(frozen=True, slots=True)
class Answered:
    """Sales answered a handoff: accepted, rejected, recycled, opportunity, won, lost.

    `closes` and `rest_until` are what the agreement said about the reason when it was answered, so the
    record knows no programme.
    """

    handoff: int
    answer: str
    reason: str = ""
    by: str = ""
    stage: str | None = None
    rest_until: datetime | None = None
    closes: bool = False


@dataclass(frozen=True, slots=True)
class DealChanged:
    """A deal of this prospect is now open, won or lost."""

    deal: str
    status: str


@dataclass(frozen=True, slots=True)
class Retracted:
    """Fact number `fact` turned out not to be so (a machine, a mistake); it counts no more."""

    fact: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Erased:
    """The person asked to be forgotten."""


# Decided ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Enrolled:
    """Taken into a sequence."""

    number: int
    sequence: str
    because: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Chosen:
    """A message to write: which piece, and between which instants it may leave.

    It may leave when `opens <= now < closes`; not out by `closes` it waits for the next opening of its
    calendar, whose hours are of `zone`; at `expires` it ends expired, whatever retries are left.
    `number` is the touch.
    """

    number: int
    piece: str
    occurrence: int
    sequence: str
    opens: datetime
    closes: datetime
    expires: datetime
    zone: str
    because: tuple[Reason, ...] = ()
    passed_over: PassedOver = ()


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The message on its way shall not leave."""

    number: int
    touch: int
    because: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Moved:
    """The buyer's concern is another stage's now."""

    number: int
    before: str
    stage: str
    because: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Promoted:
    """Handed to sales. `rested_on` are the numbers of the facts the promotion rests on."""

    number: int
    lane: str  # hand_raise, score
    grade: str
    rested_on: tuple[int, ...]
    because: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What the promotion rested on no longer stands, and sales had not answered."""

    number: int
    because: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Recalled:
    """Sales did not answer in the time both sides agreed."""

    number: int
    because: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Left:
    """Out of a sequence (out of everything, if none is named), to rest until a moment or for good."""

    number: int
    sequence: str
    then: str  # resting, closed, or the sequence that follows
    rest_until: datetime | None = None
    because: tuple[Reason, ...] = ()


Observed = (
    Entered
    | Learned
    | Clicked
    | PageViewed
    | FormSent
    | Consumed
    | Happened
    | Replied
    | Away
    | Contacted
    | TouchEnded
    | Resent
    | Bounced
    | Complained
    | Consented
    | Unsubscribed
    | Preferred
    | Declined
    | Reconsidered
    | Held
    | Released
    | Answered
    | DealChanged
    | Retracted
    | Erased
)
Decided = Enrolled | Chosen | Cancelled | Moved | Promoted | Withdrawn | Recalled | Left
Body = Observed | Decided

KINDS: Mapping[str, type] = {kind.__name__: kind for kind in (*Observed.__args__, *Decided.__args__)}
"""Every body by its name: how the store finds the type again."""

DECIDED: frozenset[type] = frozenset(Decided.__args__)


class Fact(NamedTuple):
    """One row of the truth: prospect `prospect`'s `n`-th fact, recorded under programme `programme`."""

    prospect: int
    n: int
    at: datetime
    known: datetime
    programme: str
    body: Body
