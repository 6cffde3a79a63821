"""From a claimed touch to a message: the piece, the person's values, signed links, headers.

What is the same in every message of a piece is worked out once (`rendering.outline`, `delivery.skeleton`),
and a message is that, filled. Pieces and values that do not fit are rendered and built whole.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from nurture.authoring import Workspace
from nurture.core.programme import Sender
from nurture.delivery import skeleton
from nurture.delivery.attempt import NotYet
from nurture.delivery.mime import BadLetter, Letter, Mailbox, build
from nurture.delivery.skeleton import Recipient, Skeleton, compile_skeleton
from nurture.delivery.tokens import Keys, message_id, sign_addresses, sign_message
from nurture.delivery.transports.seam import Mail
from nurture.drafting.codec import Unreadable, decode_attributes
from nurture.rendering import Outline, Rendered, Template, outline_of, place, render
from nurture.store.touches import Claim

MOST_KEPT = 512
"""Skeletons in memory, of a piece in a sequence each; those used last stay."""


def compose(
    claim: Claim,
    workspace: Workspace,
    keys: Keys,
    now: datetime,
    *,
    public: str,
    tracked: bool,
    returns: str = "",
) -> Mail:
    """The message for this touch, under the programme it was chosen under.

    `public`: the address of the public pages; `tracked`: whether links lead through them; `returns`: the
    domain whose mail comes back to us, so that envelope, Reply-To and List-Unsubscribe name the touch. Raises
    CannotRender or BadLetter: this message cannot be written; NotYet: not before its prospect is woken.
    """
    sender, template = workspace.programme.sender, workspace.templates[claim.piece]
    id = message_id(keys, claim.touch, sender.domain)
    tokens = sign_message(keys, claim.touch, len(template.links) if tracked else 0)
    back, answer, stop = sign_addresses(keys, claim.touch) if returns else ("", "", "")
    one = Recipient(id, now, claim.address, f"{public}/u/{tokens[0].decode()}", tokens, answer, stop)
    values = values_of(claim, template.mentions)
    kept = kept_of(template, claim.piece, claim.sequence, public, tracked, returns)
    filling = kept.outline.fill(values, one.unsubscribe_url) if kept else None
    if kept and filling:
        raw = kept.skeleton.fill(one, filling.subject, filling.values)
    else:
        words = _rendered(template, workspace, values, one, public=public, tracked=tracked)
        raw = build(letter_to(one, words, sender, claim.piece, claim.sequence, returns))
    return Mail(id[1:-1], f"{back}@{returns}" if returns else sender.address, claim.address, raw)


def _rendered(
    template: Template,
    workspace: Workspace,
    values: Mapping[str, Any],
    one: Recipient,
    *,
    public: str,
    tracked: bool,
) -> Rendered:
    """The words of one message, all of them anew."""

    def link(number: int) -> str:
        return f"{public}/c/{one.tokens[number].decode()}" if tracked else template.links[number - 1]

    programme = workspace.programme
    return render(
        template,
        values,
        sender=programme.sender,
        site=programme.site,
        link=link,
        unsubscribe_url=one.unsubscribe_url,
    )


def values_of(claim: Claim, names: Iterable[str]) -> Mapping[str, Any]:
    """What is known of these attributes: from the evidence, and the personal ones from the row.

    Raises NotYet where another version of this program wrote the snapshot in a way that cannot be read: the
    next wake folds all facts again.
    """
    personal = claim.personal
    wanted = [name for name in names if name not in personal]
    if not wanted or claim.snapshot is None:
        return personal
    try:
        found = decode_attributes(claim.snapshot)
    except Unreadable as unreadable:
        raise NotYet("what is known of this prospect is folded again first") from unreadable
    known = {name: found[name].value for name in wanted if name in found}
    return {**{name: value for name, value in known.items() if value is not None}, **personal}


class Kept(NamedTuple):
    """What is the same in every message of a piece in a sequence."""

    outline: Outline
    skeleton: Skeleton


@lru_cache(maxsize=MOST_KEPT)
def kept_of(
    template: Template, piece: str, sequence: str, public: str, tracked: bool, returns: str = ""
) -> Kept | None:
    """What is kept of a piece; None where every message has to be rendered and built whole."""

    def link(number: int) -> str:
        return f"{public}/c/{place(number)}" if tracked else template.links[number - 1]

    tokens = 1 + (len(template.links) if tracked else 0)
    outline = outline_of(template, link=link, unsubscribe_url=f"{public}/u/{place(0)}", first=tokens)
    if outline is None:
        return None
    subject = skeleton.SUBJECT if outline.subject is None else outline.subject
    one = skeleton.sample(template.sender.domain, f"{public}/u/", comes_back=bool(returns))
    sample = letter_to(one, Rendered(subject, "", ""), template.sender, piece, sequence, returns)
    try:
        return Kept(outline, compile_skeleton(sample, outline.text, outline.html))
    except BadLetter:  # and so is every message: building one whole says why
        return None


def letter_to(
    one: Recipient, words: Rendered, sender: Sender, piece: str, sequence: str, returns: str = ""
) -> Letter:
    """Everything that a message says. With `returns` answers come to us, and their owner is told of them."""
    domain = sender.domain
    reply_to = f"{one.answer}@{returns}" if returns else sender.reply_to
    return Letter(
        message_id=one.message_id,
        nurture_id=one.message_id[1:].partition("@")[0],
        date=one.date,
        sender=Mailbox(sender.address, sender.name),
        to=Mailbox(one.address),
        subject=words.subject,
        text=words.text,
        html=words.html,
        reply_to=Mailbox(reply_to) if reply_to else None,
        unsubscribe_url=one.unsubscribe_url,
        unsubscribe_mail=f"mailto:{one.stop}@{returns}?subject=unsubscribe" if returns else "",
        list_id=f"{sequence}.{domain}",
        list_name=sender.company,
        feedback_id=f"{sequence}:{piece}:{domain.replace('.', '-')}:nurture",
    )
