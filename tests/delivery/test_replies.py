"""What servers say, and what we make of it."""

import pytest

from nurture.delivery.outcomes import Deferred, Failed, printable
from nurture.delivery.replies import bounce_kind, is_greylisted, outcome_of, wait_asked


@pytest.mark.parametrize(
    ("verb", "code", "words", "expected", "whose"),
    [
        ("MAIL", 451, "4.3.0 try later", Deferred, "message"),
        ("MAIL", 452, "4.3.1 full", Deferred, "message"),
        ("MAIL", 550, "5.7.1 sender not allowed", Deferred, "account"),
        ("MAIL", 530, "5.7.0 authentication required", Deferred, "account"),
        ("MAIL", 552, "5.3.4 too big", Failed, "message"),
        ("RCPT", 450, "4.7.1 greylisted", Deferred, "message"),
        ("MAIL", 421, "4.3.2 shutting down", Deferred, "server"),
        ("MAIL", 450, "4.7.0 too much from you", Deferred, "server"),
        ("RCPT", 421, "4.7.0 slow down", Deferred, "domain"),
        ("RCPT", 451, "4.7.0 slow down", Deferred, "domain"),
        ("RCPT", 421, "closing", Deferred, "domain"),
        ("RCPT", 452, "4.2.2 full", Deferred, "message"),
        ("RCPT", 554, "5.7.1 <address>: Relay access denied", Deferred, "account"),
        ("RCPT", 550, "5.7.1 Unable to relay", Deferred, "account"),
        ("RCPT", 550, "5.7.1 policy", Failed, "domain"),
        ("RCPT", 550, "5.1.1 user unknown", Failed, "message"),
        ("RCPT", 553, "5.1.3 bad", Failed, "message"),
        ("DATA", 451, "4.3.0 no", Deferred, "message"),
        ("DATA", 554, "5.7.1 no", Failed, "domain"),
        ("DATA", 250, "what?", Deferred, "server"),
        ("end of data", 450, "4.2.1 later", Deferred, "message"),
        ("end of data", 550, "5.7.515 does not meet the level", Deferred, "account"),
        ("end of data", 550, "5.7.26 unauthenticated", Deferred, "account"),
        ("end of data", 421, "4.7.32 not aligned", Deferred, "account"),
        ("end of data", 421, "4.7.28 unusual rate", Deferred, "domain"),
        ("end of data", 421, "4.3.0 closing", Deferred, "domain"),
    ],
)
def test_a_refusal_is_mapped(verb: str, code: int, words: str, expected: type, whose: str) -> None:
    outcome = outcome_of(verb, code, words)
    assert isinstance(outcome, expected)
    assert outcome.code == code and words in outcome.words
    assert outcome.whose == whose


@pytest.mark.parametrize(
    ("code", "words", "kind"),
    [
        (550, "5.1.1 no", "hard"),
        (550, "5.1.10 null MX", "hard"),
        (550, "5.2.1 inactive", "hard"),
        (550, "No such user here", "hard"),
        (550, "no", "block"),
        (554, "listed at a blocklist", "block"),
        (550, "5.7.1 user unknown to our policy", "block"),
        (550, "5.7.26 unauthenticated", "block"),
        (571, "5.7.1 no", "block"),
        (552, "5.2.2 mailbox full", "soft"),
        (450, "4.2.2 full", "soft"),
        (552, "too big", "content"),
        (554, "5.6.0 malformed", "content"),
    ],
)
def test_a_bounce_has_a_kind(code: int, words: str, kind: str) -> None:
    assert bounce_kind(code, words) == kind


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Greylisted, try again in 300 seconds", 300),
        ("please retry in 7 minutes", 420),
        ("try again in 2 hours", 7200),
        ("try again in 900000 minutes", 86400),
        ("5 minutes of fame", 0),
        ("4.7.1 try again later", 0),
    ],
)
def test_a_wait_that_is_asked_for_is_read(words: str, seconds: float) -> None:
    assert wait_asked(words) == seconds


def test_greylisting_is_known() -> None:
    assert (
        is_greylisted(450, "4.7.1 no")
        and is_greylisted(451, "Greylisted")
        and not is_greylisted(450, "4.2.1 no")
    )


def test_words_are_kept_without_addresses_and_on_one_line() -> None:
    said = printable(
        "<Tom@Example.org>: no\r\nsuch user tom@example.org,\x00 see http://x.test/a \ud800",
        "tom@example.org",
    )
    assert said == "<address>: no such user <address>, see http://x.test/a"
    assert len(printable("x" * 5000)) == 300
