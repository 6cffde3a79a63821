"""The visible text of replies that three other parsers are tested with: exact on at least three of four.

Where a fixture gives it. The standard replies and the HTML ones of talon say what stays without the quotes,
signature and all ("Hello" unless a file beside it says otherwise, and one text for all HTML), so there text
and signature are compared together; its signatures come as body and signature, so the text is what is left.
The letters of github and zapier come without it: their own tests name what must be in and what must not, and
by these the lines of each were written down here by hand. How many blank lines there are and spaces
at the ends of lines do not count; in HTML no white space does. `pytest -s` shows the table.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nurture.intake.mail.message import parse
from nurture.intake.mail.replies import letter_of, visible
from nurture.intake.mail.shown import shown

REPLIES = Path(__file__).parents[3] / "shared" / "data" / "replies"
TALON = REPLIES / "talon" / "tests" / "fixtures"

pytestmark = pytest.mark.skipif(not REPLIES.is_dir(), reason="needs ../shared/data/replies beside the repo")

LINES = {
    "correct_sig": "1", "email_1_1": "1-5", "email_1_2": "1 9-34", "email_1_3": "1-3", "email_1_4": "1",
    "email_1_5": "1-15", "email_1_6": "1-3", "email_1_7": "1", "email_1_8": "13 19", "email_2_1": "1",
    "email_2_2": "1", "email_2_3": "1", "email_BlackBerry": "1", "email_bullets": "1-9", "email_gmail": "1",
    "email_headers_no_delimiter": "1", "email_iPhone": "1", "email_long_quote": "1-4 6-8",
    "email_multi_word_sent_from_my_mobile_device": "1", "email_one_is_not_on": "1-5",
    "email_partial_quote_header": "1-6", "email_sent_from_my_not_signature": "1-3",
    "email_sig_delimiter_in_middle_of_line": "1-7", "greedy_on": "1-6", "pathological": "1-2",
}  # fmt: skip
"""Which lines of a letter are its visible text; between two runs stood a quote."""
HTML_REPLY = "Hi. I am fine. Thanks, Alex"
"""What all HTML replies say; those outside their folder are named beside."""
OTHER_HTML = {"OLK_SRC_BODY_SECTION": "Reply", "reply-separated-by-hr": "Hi there"}


def letters(of: str) -> Iterator[tuple[str, str, str]]:
    """Name, expected text and ours, of the letters of github or zapier."""
    for path in sorted((REPLIES / of / "test" / "emails").glob("*.txt")):
        letter = path.read_text("utf-8")
        lines = letter.split("\n")
        spans = (part.partition("-") for part in LINES[path.stem].split())
        wanted = ["\n".join(lines[int(first) - 1 : int(last or first)]) for first, _, last in spans]
        yield path.stem, squeezed("\n\n".join(wanted)), squeezed(visible(letter).text)


def standard() -> Iterator[tuple[str, str, str]]:
    """talon's replies of mail programs."""
    for path in sorted((TALON / "standard_replies").glob("*.eml")):
        beside = path.with_name(f"{path.stem}_reply_text")
        wanted = beside.read_text("utf-8") if beside.exists() else "Hello"
        message = parse(path.read_bytes())
        found = visible(letter_of(message), message.headers.spoken("from"))
        yield path.stem, squeezed(wanted), squeezed(f"{found.text}\n\n{found.signature}")


def in_html() -> Iterator[tuple[str, str, str]]:
    """talon's replies in HTML."""
    for path in sorted([*(TALON / "html_replies").glob("*.html"), *TALON.glob("*.html")]):
        found = visible(shown(path.read_text("utf-8")))
        wanted = OTHER_HTML.get(path.stem, HTML_REPLY)
        yield path.stem, "".join(wanted.split()), "".join((found.text + found.signature).split())


def signed() -> Iterator[tuple[str, str, str]]:
    """talon's letters with a signature: the text is what stands above it."""
    for path in sorted((TALON / "signature" / "emails" / "stripped").glob("*_body")):
        letter = path.read_text("utf-8")
        sender, signature = (
            path.with_name(path.name.replace("_body", kind)).read_text("utf-8")
            for kind in ("_sender", "_signature")
        )
        wanted = letter.rstrip().removesuffix(signature.rstrip())
        yield path.stem, squeezed(wanted), squeezed(visible(letter, sender.strip()).text)


def squeezed(text: str) -> str:
    lines = "\n".join(line.rstrip() for line in text.split("\n"))
    return re.sub(r"\n{2,}", "\n\n", lines).strip()


SETS: dict[str, Callable[[], Iterator[tuple[str, str, str]]]] = {
    "github": lambda: letters("github"),
    "zapier": lambda: letters("zapier"),
    "talon, programs": standard,
    "talon, HTML": in_html,
    "talon, signatures": signed,
}


def test_three_of_four_are_exact() -> None:
    right = total = 0
    for name, cases in SETS.items():
        found = list(cases())
        wrong = [case for case, wanted, got in found if wanted != got]
        right, total = right + len(found) - len(wrong), total + len(found)
        print(f"{name:<20}{len(found) - len(wrong):>4} of {len(found):<4}{', '.join(wrong)}")
    print(f"{'all':<20}{right:>4} of {total:<4}{right / total:.1%}")
    assert total == 75
    assert right / total >= 0.75
