"""Automatic answers: known by their head, and read for the day the person is back."""

from datetime import UTC, datetime

import pytest

from nurture.intake.mail import read
from nurture.intake.mail.absence import away_until
from nurture.intake.returns import Return

NOW = datetime(2026, 3, 6, 12, tzinfo=UTC)
WRITTEN = "Thu, 5 Mar 2026 10:00:00 +0100"


def answer(body: str, *head: str, subject: str = "Re: Five ways") -> Return:
    lines = [
        "From: Tom <tom@there.test>",
        "To: r+k1.abc@sender.test",
        f"Subject: {subject}",
        f"Date: {WRITTEN}",
        "Message-ID: <a@there.test>",
        *head,
    ]
    (heard,) = read("\n".join([*lines, "", body]).encode(), NOW)
    return heard


@pytest.mark.parametrize(
    "head",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated (rejected)",
        "Precedence: auto_reply",
        "X-Autoreply: yes",
        "X-Auto-Response-Suppress: DR, OOF, AutoReply",
        "In-Reply-To: <n1.abc@sender.test>\nReturn-Path: <>",
    ],
)
def test_an_automatic_answer_is_nobodys_reply(head: str) -> None:
    heard = answer("Thank you for your message.", head)
    assert (heard.kind, heard.until, heard.bounce) == ("away", None, "")
    assert "r+k1.abc@sender.test" in heard.marks and heard.recipient == "tom@there.test"


@pytest.mark.parametrize(
    "subject",
    [
        "Automatic reply: Five ways",
        "Out of Office: Five ways",
        "Abwesenheitsnotiz: Five ways",
        "Automatische Antwort: Five ways",
        "Réponse automatique : Five ways",
        "Respuesta automática: Five ways",
        "Automatisch antwoord: Five ways",
        "Fuori ufficio: Five ways",
        "=?utf-8?B?6Ieq5YuV6L+U5L+h?=: Five ways",
    ],
)
def test_a_subject_says_that_nobody_read_it(subject: str) -> None:
    assert answer("I am away.", subject=subject).kind == "away"


@pytest.mark.parametrize("head", ["Auto-Submitted: no", "X-Priority: 1", "In-Reply-To: <n1.abc@sender.test>"])
def test_what_a_person_wrote_is_no_automatic_answer(head: str) -> None:
    assert answer("Yes, call me when you are back in the office.", head).kind == "replied"


@pytest.mark.parametrize(
    "subject", ["Re: Out of office", "Re: Automatic reply", "Vacation plans", "Away game"]
)
def test_a_subject_of_ours_that_is_answered_is_no_absence(subject: str) -> None:
    assert answer("Yes, tell me more.", subject=subject).kind == "replied"


def test_what_a_list_or_a_machine_sends_is_kept_and_nothing_more() -> None:
    for head in ("Precedence: bulk", "List-Id: <news.there.test>", "Return-Path: <>"):
        assert answer("News of the week.", head, subject="News").kind == "other"


def test_the_day_back_is_in_the_text() -> None:
    heard = answer("I am out of the office until 12 March 2026.", "Auto-Submitted: auto-replied")
    assert heard.until == datetime(2026, 3, 13, tzinfo=UTC)


def test_dates_of_our_own_letter_quoted_below_do_not_count() -> None:
    quoted = "On Thu, 5 Mar 2026 at 09:00, Ann <ann@sender.test> wrote:\n> Our offer stands until 30 June.\n"
    body = f"I am away.\n\n{quoted}"
    assert answer(body, "Auto-Submitted: auto-replied").until is None


def test_who_unsubscribes_by_address_is_not_away() -> None:
    raw = (
        b"From: tom@there.test\nTo: u+k1.abc@sender.test\nSubject: unsubscribe\n"
        b"Auto-Submitted: auto-generated\nDate: Thu, 5 Mar 2026 10:00:00 +0000\n\n"
    )
    assert read(raw, NOW)[0].kind == "unsubscribed"


@pytest.mark.parametrize(
    ("text", "back"),
    [
        ("I am out of the office until 12 March 2026.", "2026-03-13"),
        ("I will be out of office from March 2 through March 9, 2026, return on March 10.", "2026-03-10"),
        ("I'm on vacation until Monday, March 16th.", "2026-03-17"),
        ("I will be back on Tuesday, 17 March.", "2026-03-17"),
        ("Back in the office on 03/17/2026.", "2026-03-17"),
        ("Out of office 2026-03-02 - 2026-03-11", "2026-03-12"),
        ("Ich bin bis zum 13. März 2026 nicht im Büro.", "2026-03-14"),
        ("Ich bin bis einschließlich 13.03.2026 abwesend.", "2026-03-14"),
        ("Ab dem 16.03. bin ich wieder erreichbar.", "2026-03-16"),
        ("Vom 02.03.2026 bis 13.03.2026 bin ich im Urlaub", "2026-03-14"),
        ("Je suis absent jusqu'au 20 mars inclus.", "2026-03-21"),
        ("Je serai de retour le lundi 23 mars 2026.", "2026-03-23"),
        ("Absent du 2 au 13 mars 2026", "2026-03-14"),
        ("Estaré fuera de la oficina hasta el 15 de marzo de 2026.", "2026-03-16"),
        ("Regreso el 16 de marzo", "2026-03-16"),
        ("Ik ben afwezig tot en met 13 maart 2026.", "2026-03-14"),
        ("Ik ben terug op 16 maart", "2026-03-16"),
        ("Sarò fuori ufficio fino al 13 marzo.", "2026-03-14"),
        ("Rientrerò il 16 marzo 2026", "2026-03-16"),
        ("Estarei ausente até 13 de março de 2026.", "2026-03-14"),
        ("Jag är tillbaka den 16 mars", "2026-03-16"),
        ("3月13日まで不在です", "2026-03-14"),
        ("I am out of office. Call me.", ""),
        ("Please note our office closed on 1 January 2020", ""),
        ("Our conference takes place on 20 May 2026. I am away.", ""),
        ("I'm away till the end of next week", ""),
        ("on leave until 2 Jan", "2027-01-03"),
        ("Abwesend bis 31.02.2026", ""),
        ("returning to the office Monday 9th of March", "2026-03-09"),
        ("I will return 3/16/26", "2026-03-16"),
        ("away until 15/03/26", "2026-03-16"),
        ("I'm out of office today, back tomorrow", ""),
        ("Nieobecny do 13 marca 2026", "2026-03-14"),
        ("Меня не будет до 13 марта 2026", "2026-03-14"),
        ("out until Fri 13 Mar", "2026-03-14"),
        ("I am out until Monday.", "2026-03-10"),
        ("Ich bin ab Montag wieder da, zurück am Montag", "2026-03-09"),
    ],
)  # fmt: skip
def test_the_first_day_back_is_read_in_many_languages(text: str, back: str) -> None:
    until = away_until(text, WRITTEN)
    assert (until.date().isoformat() if until else "") == back


def test_without_a_date_of_its_own_no_day_is_believed() -> None:
    assert away_until("Back on 12 March.", "") is None
