"""What one message costs: `python benchmarks/messages.py`.

Microseconds of CPU for one recipient's message of about 10 kB in two parts, with eight tracked links in each:
the standard library's EmailMessage from texts that are rendered already, everything rendered and built anew,
and the skeleton, tokens and all. Then the skeleton's parts one by one. Medians of some rounds, side by side.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from nurture.authoring import Workspace, load, read_files
from nurture.core import facts as f
from nurture.core.weighing import refold
from nurture.delivery.mime import Letter, build, head_of, quoted
from nurture.delivery.skeleton import Recipient
from nurture.delivery.tokens import Keys, message_id, sign_message
from nurture.drafting.codec import decode_attributes, decode_journey, encode_journey
from nurture.engine import composing
from nurture.engine.composing import compose, values_of
from nurture.rendering import render
from nurture.store.touches import Claim

NOW = datetime(2026, 10, 6, 9, 30, tzinfo=UTC)
PIECE = "exception-arithmetic"
LINKS = ("cost-calculator", "erp-enough", "fair-test", "four-ways", "pilot", "price-in-full", "six-weeks")
"""With the piece's own link there are eight, each in both parts."""
GOOD: dict[str, f.Scalar | None] = {"role": "controller", "employees": 400.0, "country": "GB"}
PUBLIC = "https://news.example.com"
KEYS = Keys("k2", {"k1": bytes(range(32)), "k2": bytes(range(1, 33))})
RECIPIENTS = 500

Scenes = dict[str, Callable[[int], object]]


def main() -> None:
    """Measure everything in turn, and print two tables."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    workspace = eight_links()
    claims = [claim(number, workspace) for number in range(RECIPIENTS)]
    sizes = sorted(len(ours(one, workspace)) for one in claims)
    print(f"{RECIPIENTS} messages of {sizes[0]:,} to {sizes[-1]:,} bytes, us of CPU for each")
    assert_alike(claims[0], workspace)
    whole = measured(ways(claims, workspace), rounds)
    skeleton = whole["the skeleton, filled"]
    show(whole, lambda cost: f"{cost / skeleton:6.1f} times the skeleton")
    print("\nWhere they go")
    show(measured(parts(claims, workspace), rounds), lambda cost: f"{cost / skeleton:6.2f}")


def eight_links() -> Workspace:
    """The shipped programme; its first piece is given eight links."""
    root = Path(__file__).parents[1]
    files = read_files(root)
    more = "".join(f"- [The guide called {link}](/guides/{link})\n" for link in LINKS)
    files[f"templates/early/{PIECE}.md"] += f"\n{more}".encode()
    loaded = load(files, today=NOW.date())
    assert loaded.workspace is not None, loaded.errors
    return loaded.workspace


def claim(number: int, workspace: Workspace) -> Claim:
    """A touch of somebody who has read a few pages; every fourth first name is not plain ASCII."""
    pages = ["/pricing", "/guides/exception-arithmetic", "/guides/pilot", "/vs/spreadsheets"]
    bodies: list[f.Body] = [f.Entered("newsletter", "content", basis="consent"), f.Learned(GOOD)]
    bodies += [f.PageViewed(page) for page in pages]
    facts = [
        f.Fact(number, n, NOW - timedelta(days=20 - n), NOW, workspace.hash, body)
        for n, body in enumerate(bodies, 1)
    ]
    name = ("Anna", "Robert", "Mary Jane", "Zoë")[number % 4]
    return Claim(
        touch=number << 20 | 7, prospect=number, decision=1, piece=PIECE, occurrence=1, sequence="start",
        stage="early", programme=workspace.hash, chosen_at=NOW, opens=NOW, closes=NOW, expires=NOW,
        due_at=NOW, zone="Europe/London", attempts=0, epoch=1, owner="me",
        address=f"someone@company{number}.example", account=f"company{number}.example", kind="company",
        personal={"first_name": name}, snapshot=encode_journey(refold(number, facts, workspace.programme)),
    )  # fmt: skip


def ours(one: Claim, workspace: Workspace) -> bytes:
    """The message as it is sent."""
    return compose(one, workspace, KEYS, NOW, public=PUBLIC, tracked=True).raw


def returned(one: Claim, workspace: Workspace) -> bytes:
    """The same where mail comes back to us: three signed addresses more."""
    return compose(one, workspace, KEYS, NOW, public=PUBLIC, tracked=True, returns="back.example.com").raw


def built(one: Claim, workspace: Workspace) -> bytes:
    """The same, everything anew."""
    return build(letter(one, workspace))


def letter(one: Claim, workspace: Workspace) -> Letter:
    """The letter of a touch with its rendered parts."""
    sender, template = workspace.programme.sender, workspace.templates[PIECE]
    id = message_id(KEYS, one.touch, sender.domain)
    tokens = sign_message(KEYS, one.touch, len(template.links))
    unsubscribe = f"{PUBLIC}/u/{tokens[0].decode()}"
    words = render(
        template, values_of(one, template.mentions), sender=sender, site=workspace.programme.site,
        link=lambda number: f"{PUBLIC}/c/{tokens[number].decode()}", unsubscribe_url=unsubscribe,
    )  # fmt: skip
    whom = Recipient(id, NOW, one.address, unsubscribe, tokens)
    return composing.letter_to(whom, words, sender, one.piece, one.sequence)


def stdlib(letter: Letter) -> bytes:
    """EmailMessage, of the texts and headers as they are: nothing is rendered, nothing is signed."""
    message = EmailMessage(policy=SMTP)
    message["Date"] = letter.date
    message["From"] = f'"{letter.sender.name}" <{letter.sender.address}>'
    message["To"], message["Subject"] = letter.to.address, letter.subject
    message["Message-ID"], message["X-Nurture-ID"] = letter.message_id, letter.nurture_id
    message["Auto-Submitted"] = "auto-generated"
    message["List-Unsubscribe"] = f"<{letter.unsubscribe_url}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["List-Id"], message["Feedback-ID"] = f"<{letter.list_id}>", letter.feedback_id
    message.set_content(letter.text, cte="quoted-printable")
    message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    return message.as_bytes()


def ways(claims: list[Claim], workspace: Workspace) -> Scenes:
    """The ways to the bytes of one message."""
    letters = [letter(one, workspace) for one in claims]
    return {
        "EmailMessage, of rendered parts": lambda n: stdlib(letters[n]),
        "rendered and built anew": lambda n: built(claims[n], workspace),
        "the skeleton, filled": lambda n: ours(claims[n], workspace),
        "filled, and mail comes back": lambda n: returned(claims[n], workspace),
    }


def parts(claims: list[Claim], workspace: Workspace) -> Scenes:
    """What the two ways of ours are made of."""
    template, sender = workspace.templates[PIECE], workspace.programme.sender
    kept = composing.kept_of(template, PIECE, "start", PUBLIC, True)
    assert kept is not None and claims[0].snapshot is not None
    letters = [letter(one, workspace) for one in claims]
    whom = [Recipient(each.message_id, NOW, each.to.address, each.unsubscribe_url, sign_message(KEYS, 1, 8))
            for each in letters]  # fmt: skip
    fillings = [filling for one in claims if (filling := kept.outline.fill(one.personal, ""))]
    site, unsubscribe = workspace.programme.site, f"{PUBLIC}/u/{0:038}"
    snapshot = claims[0].snapshot
    links = {number: f"{PUBLIC}/c/{number:038}" for number in range(1, 9)}
    return {
        "skeleton: nine tokens": lambda n: sign_message(KEYS, claims[n].touch, 8),
        "skeleton: the Message-ID": lambda n: message_id(KEYS, claims[n].touch, "example.com"),
        "skeleton: the person's values": lambda n: values_of(claims[n], template.mentions),
        "skeleton: the words that differ": lambda n: kept.outline.fill(claims[n].personal, ""),
        "skeleton: the bytes": lambda n: kept.skeleton.fill(whom[n], "", fillings[n].values),
        "attributes alone of a snapshot": lambda n: decode_attributes(snapshot),
        "anew: the whole snapshot": lambda n: decode_journey(snapshot),
        "anew: rendering": lambda n: render(
            template, claims[n].personal, sender=sender, site=site, link=links.__getitem__,
            unsubscribe_url=unsubscribe),
        "anew: the headers, read back": lambda n: head_of(letters[n]),
        "anew: both parts quoted": lambda n: (quoted(letters[n].text), quoted(letters[n].html)),
    }  # fmt: skip


def measured(scenes: Scenes, rounds: int) -> dict[str, float]:
    """Microseconds of CPU for each, the median of the rounds; every round runs all of them in turn."""
    found: dict[str, list[float]] = {name: [] for name in scenes}
    for _ in range(rounds):
        for name, work in scenes.items():
            start = time.process_time()
            for number in range(RECIPIENTS):
                work(number)
            found[name].append((time.process_time() - start) / RECIPIENTS * 1e6)
    return {name: statistics.median(costs) for name, costs in found.items()}


def show(found: dict[str, float], ratio: Callable[[float], str]) -> None:
    """One line for each."""
    for name, cost in found.items():
        print(f"{name:40}{cost:9.1f} us   {ratio(cost)}")


def assert_alike(one: Claim, workspace: Workspace) -> None:
    """The skeleton's message says what the one that is built anew says."""
    pair = [message_from_bytes(raw, policy=default) for raw in (ours(one, workspace), built(one, workspace))]
    assert pair[0].items() == pair[1].items()
    texts = [[part.get_content() for part in message.iter_parts()] for message in pair]
    assert texts[0] == texts[1]


if __name__ == "__main__":
    main()
