"""What a person wrote: quotes in any language, goodbyes that are none, wishes, and nothing that raises."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.intake.mail.message import parse
from nurture.intake.mail.replies import letter_of, read_copies, read_reply, visible
from nurture.intake.mail.shown import shown
from nurture.intake.mail.wishes import wish


@pytest.mark.parametrize(
    "introduction",
    [
        "On Mon, 5 Oct 2026 at 09:00, Nora <nora@x.example> wrote:",
        "Am 05.10.2026 um 09:00 schrieb Nora Haddow:",
        "Le lun. 5 oct. 2026 à 09:00, Nora <nora@x.example> a écrit :",
        "El lun, 5 oct 2026 a las 9:00, Nora (<nora@x.example>) escribió:",
        "Il giorno lun 5 ott 2026 alle ore 09:00 Nora <nora@x.example> ha scritto:",
        "Op ma 5 okt. 2026 om 09:00 schreef Nora <nora@x.example>:",
        "Den mån 5 okt. 2026 kl 09:00 skrev Nora <nora@x.example>:",
        '05.10.2026, 09:00, "Nora" <nora@x.example>:',
        "пн, 5 окт. 2026 г. в 09:00, Nora <nora@x.example>:",
    ],
)
def test_a_quote_and_what_introduces_it_are_not_the_writers(introduction: str) -> None:
    assert (
        visible(f"Yes, on Tuesday.\n\n{introduction}\n\n> Hello\n> unsubscribe\n").text == "Yes, on Tuesday."
    )


@pytest.mark.parametrize(
    "head",
    [
        "From: Nora\nSent: Monday\nTo: Ada\nSubject: A note",
        "Von: Nora\nGesendet: Montag\nAn: Ada\nBetreff: Notiz",
        "De : Nora\nEnvoyé : lundi\nÀ : Ada\nObjet : Note",
        "De: Nora\nEnviado el: lunes\nPara: Ada\nAsunto: Nota",
        "________________________________\nVan: Nora\nVerzonden: maandag\nAan: Ada\nOnderwerp: x",
        "От: Nora\nОтправлено: понедельник\nКому: Ada\nТема: x",
        "-----Original Message-----\nHello",
        "---------- Forwarded message ---------\nFrom: Nora",
        "Begin forwarded message:\n\nFrom: Nora",
    ],
)
def test_old_mail_without_marks_begins_with_its_head(head: str) -> None:
    assert visible(f"Yes.\n\n{head}\n\nHello Ada\nunsubscribe\n").text == "Yes."


@pytest.mark.parametrize(
    "letter",
    [
        "Thanks, that is very helpful.\nCan we talk on Monday?",
        "Hi Tom\nBest, I think, is Tuesday.\nShall we?",
        "Two things:\n\n- price\n- date",
        "On Monday we wrote: no.\nOn Tuesday: yes.",
        "To: whoever reads this, hello",
        "a < b and b > c",
        "Hello,\n\nAda here. Call me on Monday.",
        "Hello\n\nThanks!\n\nCan we meet on Monday?",
        "Cheers\nI will look at it with the team on Monday.",
    ],
)
def test_what_only_looks_like_an_end_is_kept(letter: str) -> None:
    assert visible(letter, "Ada Ray <ada@acme.example>").text == letter


@pytest.mark.parametrize(
    ("letter", "signature"),
    [
        ("Yes.\n\nBest regards,\nAda Ray\nAcme Ltd", "Best regards,\nAda Ray\nAcme Ltd"),
        ("Yes.\n-- \nAda", "--\nAda"),
        ("Yes.\n\nMit freundlichen Grüßen\nAda", "Mit freundlichen Grüßen\nAda"),
        ("Yes.\n\nSent from my iPhone", "Sent from my iPhone"),
        ("Yes.\n\nAda Ray\nHead of Finance", "Ada Ray\nHead of Finance"),
    ],
)
def test_a_signature_stands_apart(letter: str, signature: str) -> None:
    found = visible(letter, "Ada Ray <ada@acme.example>")
    assert (found.text, found.signature) == ("Yes.", signature)


def test_html_alone_is_shown_with_its_quotes_marked() -> None:
    markup = (
        "<style>p {}</style><p>Yes, please.</p><div class='gmail_quote'>On Monday at 9:00 n@x.example wrote:"
        "<blockquote>Hello<br><a href='#'>unsubscribe</a></blockquote></div>"
    )
    raw = b"From: ada@x.example\nContent-Type: text/html\n\n" + markup.encode()
    assert visible(letter_of(parse(raw))).text == "Yes, please."
    assert read_reply(parse(raw)).kind == "replied"
    assert shown("<p>a<script>b</script><!-- c --></p>").strip() == "a"


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Unsubscribe", "stop"), ("  STOP!! ", "stop"), ("„Bitte abmelden“", "stop"),
        ("Don’t contact me.", "stop"),
        ("Hi Nora,\n\nplease unsubscribe me.\n\nAda", "stop"),
        ("Guten Tag Frau Haddow\nBitte abmelden", "stop"),
        ("Hello, we like it very much\nstop", ""), ("Hi Nora, please remove me\nAda", "perhaps"),
        ("\n\nplease remove me\n\nAda", "stop"), ("отписаться", "stop"), ("退订", "stop"),
        ("How do I unsubscribe?", "perhaps"), ("Please take me off this list, and send the guide", "perhaps"),
        ("Yes\nunsubscribe", "perhaps"), ("We stop at nothing", ""), ("stop by on Monday", ""), ("", ""),
    ],
)  # fmt: skip
def test_a_wish_is_one_line_that_says_nothing_else(text: str, asks: str) -> None:
    assert wish(text) == asks


def test_copies_name_everybody_they_went_to_but_the_secret_address() -> None:
    raw = (
        b"Received: from a by b for <s+aaaaaaaaaaaaaaaa@back.example>; now\nFrom: Tom <TOM@x.example>\n"
        b"To: Ada <ada@a.example>, bo@b.example\nCc: ada@a.example\n\nHello\n"
    )
    copies = read_copies(parse(raw))
    assert [(one.by, one.addresses) for one in copies] == [
        ("tom@x.example", ("ada@a.example",)), ("tom@x.example", ("bo@b.example",))
    ]  # fmt: skip
    assert {one.marks for one in copies} == {("s+aaaaaaaaaaaaaaaa@back.example",)}
    assert read_copies(parse(b"From: a@b.c\nTo: d@e.f\n\nHello")) == []


PIECES = (
    "On ",
    "wrote:",
    "\n",
    "> ",
    "-- ",
    "From: ",
    "Sent: ",
    " ",
    "a",
    "a@b.c",
    "12:30",
    "*",
    "Thanks,",
    "\r",
    "-",
)


@given(st.lists(st.sampled_from(PIECES) | st.characters(), max_size=200))
@settings(max_examples=150, deadline=None)
def test_nothing_raises_and_nothing_is_made_up(pieces: list[str]) -> None:
    letter = "".join(pieces)
    found = visible(letter, "a")
    written = set(letter.replace("\xa0", " ").replace("\r", "\n").split())
    assert set(found.text.split()) <= written
    shown(letter)
    read_reply(parse(letter.encode("utf-8", "replace")))


@pytest.mark.parametrize(
    "letter",
    ["On " * 100_000, "On a\n" * 50_000, ("On " + "a " * 110 + "\n") * 5_000, "\n" * 200_000, "> " * 100_000,
     ("-" * 200 + "\n") * 5_000, ("Den " + "skrev " * 38 + "\n") * 5_000, "<div>" * 100_000, "<p>" * 100_000],
    ids=lambda letter: repr(letter[:8]),
)  # fmt: skip
def test_hostile_letters_cost_little(letter: str) -> None:
    """On the machine where it was written one takes a second at most, mostly by the library's patterns."""
    begun = time.process_time()
    visible(shown(letter) if letter.startswith("<") else letter, "Ada")
    assert time.process_time() - begun < 15, "not minutes"


@pytest.mark.parametrize(("marks", "kind"), [("", "replied"), ("> ", "unsubscribed")], ids=["none", "marked"])
def test_below_the_head_of_old_mail_only_what_stands_beside_marked_quotes_unsubscribes(
    marks: str, kind: str
) -> None:
    """Without marks it may be our own words; a person is asked to read it."""
    head = "From: Nora <nora@mail.example>\nSent: Monday, 23 November 2026 10:00\nTo: Ada\nSubject: Note\n\n"
    old = "".join(f"{marks}{line}\n" for line in ("Hello Ada", "Yours, Nora")) if marks else ""
    raw = f"From: ada@acme.example\nTo: r+x@back.example\nSubject: Re: Note\n\n{head}{old}\nUnsubscribe\n"
    one = read_reply(parse(raw.encode()))
    assert one.kind == kind
    assert ("please read it" in one.words) == (kind == "replied")
