"""Webhooks over a real store: who is believed, what follows, what is held, and that nothing breaks it."""

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import insert

from nurture import clock
from nurture.core.facts import Bounced, Complained, Unsubscribed
from nurture.delivery.webhook import NotTaken
from nurture.engine import braking
from nurture.engine.proof import Ground
from nurture.errors import Mistake
from nurture.secrets import WebhookSecrets
from nurture.settings import Webhook
from nurture.store import Store, alerts, webhooks
from nurture.store.tables import PROSPECTS, RETURNS, SUPPRESSIONS, touch_id
from nurture.web.amazon import Certificates
from nurture.web.endpoints import endpoints
from tests.intake import webhook_senders as senders
from tests.intake.webhook_mail import received
from tests.web import conftest as worlds
from tests.web import webhook_fuzz
from tests.web import webhook_matrix as matrix
from tests.web.webhook_matrix import CASES, PROVIDERS, UNSIGNED, golden, mark_of, post, said


@pytest.fixture
def quick(sqlite_database, tmp_path, noon):
    """A world on SQLite alone."""
    with Store(sqlite_database) as store:
        store.write_now(worlds.fill)
        yield with_webhooks(worlds.World(worlds.make_needs(store, tmp_path), None))


@pytest.fixture
def both(world):
    """A world, once for each kind of database."""
    return with_webhooks(world)


def with_webhooks(world, **changes):
    return world.again(webhooks=matrix.endpoints(**changes), certificates=matrix.certificates())


def ground(world, now=None):
    needs = world.needs
    return Ground(now or clock.now(), "p1", needs.keys, needs.suppression_key, needs.links_in)


# Who is believed


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_hostile_matrix(quick, case, provider):
    right = matrix.expected(case, provider)
    if not case.sends(provider):
        right = matrix.Case(case.name, case.sends, (), 0, 0)  # the provider has no such thing
    assert matrix.run(case, provider, quick) == (right.statuses, right.kept, right.silenced)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_nobody_gets_in_without_the_secret_of_the_path(quick, provider):
    post = golden(provider)
    for secret in ("", "x", senders.SECRET[:-1], senders.SECRET + "x", senders.SECRET.upper()):
        answer = matrix.replaced(post, secret=secret or "%20").to(quick.client)
        assert answer.status_code == 403
    unknown = matrix.replaced(post, provider="nobody").to(quick.client)
    assert (unknown.status_code, unknown.text) == (answer.status_code, answer.text)
    assert quick.client.get(f"/webhooks/{provider}/{senders.SECRET}").status_code == 405
    assert not quick.rows(RETURNS)


@pytest.mark.parametrize("provider", UNSIGNED)
@pytest.mark.parametrize(
    "authorization",
    ["", "Basic", "Basic ###", "Bearer x", "Basic " + "QUFB", "basic dXNlcm5hbWU6", "Basic dXNlcm5hbWU6\xff"],
)
def test_who_signs_nothing_needs_user_and_password_too(quick, provider, authorization):
    one = golden(provider)
    headers = {**one.headers, "authorization": authorization}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    answer = quick.client.post(f"/webhooks/{provider}/{senders.SECRET}", content=one.body, headers=raw)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert not quick.rows(RETURNS)


def test_a_second_secret_and_password_are_taken_while_they_are_changed(quick):
    both = {"secrets": ("a" * 43, senders.SECRET), "basic": ("new:pair", senders.BASIC)}
    changed = with_webhooks(quick, postmark=both)
    for secret, pair in (("a" * 43, "new:pair"), (senders.SECRET, senders.BASIC)):
        one = golden("postmark", id=pair)
        one = matrix.replaced(one, secret=secret, headers={**one.headers, **senders.basic(pair)})
        assert one.to(changed.client).status_code == 200


def test_a_refusal_says_nothing(quick):
    answer = matrix.replaced(golden("postmark"), secret="x" * 43).to(quick.client)
    assert answer.text == "refused\n"
    assert answer.headers["content-security-policy"]


def test_a_long_announcement_is_not_even_read(quick):
    one = golden("brevo")
    headers = {**one.headers, "content-length": "5000000000"}
    answer = quick.client.post(f"/webhooks/brevo/{senders.SECRET}", content=iter([b"{}"]), headers=headers)
    assert answer.status_code == 413


# What follows


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_hard_bounce_silences_the_person_and_names_the_message(both, provider):
    one = post(provider, said(provider, mark=mark_of(both)))
    assert one.to(both.client).status_code == 200
    (row,) = both.rows(RETURNS)
    assert (row.channel, row.kind, row.bounce) == (f"webhook:{provider}", "bounced", "hard")
    touch = None if provider == "postmark" else touch_id(1, 1)  # which gives its own ids alone
    assert (row.prospect, row.touch) == (1, touch)
    assert "@" not in row.words
    assert both.facts(1) == [Bounced(0 if touch is None else 1, "hard")]
    assert [one.reason for one in both.rows(SUPPRESSIONS)] == ["bounced"]
    assert one.to(both.client).status_code == 200
    assert len(both.rows(RETURNS)) == 1
    assert len(both.facts(1)) == 1


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_follows_from_each_kind_of_event(quick, provider):
    expected = {
        "complaint": ([Complained(0)], "complained"),
        "unsubscribe": ([Unsubscribed("all", "provider")], "unsubscribed"),
        "delivered": ([], ""),
        "open": ([], ""),
        "policy": ([Bounced(0, "block")], ""),
        "drop": ([Bounced(0, "unknown")], ""),
        "something new": ([], ""),
    }
    for number, (kind, (facts, reason)) in enumerate(expected.items(), 4):
        address = f"person{number}@example.com"
        quick.needs.store.write_now(
            lambda c, number=number, address=address: c.execute(
                insert(PROSPECTS).values(
                    id=number, address=address, entered_at=worlds.SENT, wake_reason="waits"
                )
            )
        )
        one = post(provider, said(provider, kind, address=address, id=f"e{number}"), id=f"e{number}")
        before = len(quick.rows(SUPPRESSIONS))
        assert one.to(quick.client).status_code == 200, kind
        assert quick.facts(number) == facts, kind
        silenced = [row.reason for row in quick.rows(SUPPRESSIONS)]
        assert len(silenced) - before == bool(reason), kind
        assert not reason or reason in silenced


@pytest.mark.parametrize("provider", PROVIDERS)
def test_somebody_we_do_not_know_is_kept_and_nothing_follows(quick, provider):
    assert post(provider, said(provider, address="who@else.example")).to(quick.client).status_code == 200
    (row,) = quick.rows(RETURNS)
    assert row.prospect is None
    assert not quick.rows(SUPPRESSIONS)


def test_a_batch_is_taken_whole_and_once(both):
    batch = [said("sendgrid", kind, id=f"{kind}{n}") for n in range(40) for kind in ("delivered", "open")]
    body = json.dumps([*batch, said("sendgrid", "complaint", id="c")]).encode()
    for _ in range(2):
        headers = {"content-type": "application/json", **senders.sendgrid_headers(body)}
        assert matrix.Post("sendgrid", body, headers).to(both.client).status_code == 200
    assert len(both.rows(RETURNS)) == 81
    assert both.kinds(1) == ["Complained"]


def test_the_same_event_at_the_same_moment_counts_once(both):
    """Providers send again before they have our answer."""
    one = golden("mailgun", "complaint")
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: one.to(worlds.browser(both.needs)).status_code, range(6)))
    assert answers == [200] * 6
    assert both.kinds(1) == ["Complained"]
    assert len(both.rows(RETURNS)) == 1


@pytest.mark.parametrize("provider", ["ses", "sendgrid", "postmark", "mailgun", "brevo"])
def test_a_reply_that_a_provider_received_is_read_like_any_mail(quick, provider):
    unsigned = {"keys": (), "basic": (senders.BASIC,)} if provider == "sendgrid" else {}
    world = with_webhooks(quick, **{provider: {"takes": "mail", **unsigned}})
    one = received(provider, mark_of(world), text="Yes, please call me.\n\nOn Monday Nora wrote:\n> Hello")
    assert one.to(world.client).status_code == 200
    (row,) = world.rows(RETURNS)
    assert (row.kind, row.prospect) == ("replied", 1)
    assert "call me" in row.text and "Hello" not in row.text
    assert world.kinds(1) == ["Replied"]
    forged = received(provider, "<n1.made-up@mail.matchlight.example>", id="2", text="stop")
    assert forged.to(world.client).status_code == 200
    assert not world.rows(SUPPRESSIONS)


# Amazon


def subscription(id="s-1", **changes):
    return {
        "Type": "SubscriptionConfirmation", "Message": "visit the SubscribeURL", "Token": "t",
        "MessageId": id,
        "SubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=a&Token=t",
        **changes,
    }  # fmt: skip


def test_a_subscription_waits_for_a_person_and_is_alerted(both):
    one = matrix.replaced(golden("ses"), body=senders.sns(subscription()))
    assert one.to(both.client).status_code == 200
    (row,) = both.rows(RETURNS)
    assert row.held and row.kind == "other"
    found = both.needs.store.read(lambda c: braking.troubles(c, clock.now()))
    assert [(each.kind, each.subject) for each in found] == [("webhook asks", "ses")]
    assert "nurture webhook confirm ses" in found[0].words
    later = clock.now() + braking.ASKS_FOR + timedelta(hours=1)
    assert both.needs.store.read(lambda c: braking.troubles(c, later)) == []


def test_a_certificate_that_cannot_be_had_is_asked_for_again_later(quick):
    asked = []

    def nothing(url):
        asked.append(url)
        raise NotTaken("not there")

    world = quick.again(
        webhooks=matrix.endpoints(), certificates=Certificates(nothing, roots=lambda: [senders.authority()])
    )
    for _ in range(3):
        assert golden("ses").to(world.client).status_code == 503
    assert asked == [senders.CERTIFICATE]
    assert not world.rows(RETURNS)


def test_a_certificate_is_fetched_once(quick):
    asked = []
    chain = senders.pem(senders.amazon_certificate(), senders.authority("between", "root"))
    fetched = Certificates(lambda url: asked.append(url) or chain, roots=lambda: [senders.authority()])
    world = quick.again(webhooks=matrix.endpoints(), certificates=fetched)
    for number in range(3):
        assert golden("ses", id=f"e{number}").to(world.client).status_code == 200
    assert asked == [senders.CERTIFICATE]


# The brake


def crowd(store, count):
    rows = [
        {"id": n, "address": f"p{n}@example.com", "entered_at": worlds.SENT, "wake_reason": "waits"}
        for n in range(10, 10 + count)
    ]
    store.write_now(lambda c: c.execute(insert(PROSPECTS), rows))


def flood(world, provider, numbers, kind="complaint"):
    for n in numbers:
        event = said(provider, kind, address=f"p{n}@example.com", id=f"e{n}")
        assert post(provider, event, id=f"e{n}").to(world.client).status_code == 200


def test_a_flood_of_unsigned_suppressions_is_held_until_a_person_says(both):
    store = both.needs.store
    crowd(store, 100)
    flood(both, "brevo", range(10, 40))
    held = [row for row in both.rows(RETURNS) if row.held]
    assert len(both.rows(SUPPRESSIONS)) == braking.AT_LEAST == 20
    assert len(held) == 10
    found = store.read(lambda c: braking.troubles(c, clock.now()))
    assert [(one.kind, one.subject, one.figure) for one in found] == [("webhook held", "brevo", 10)]
    flood(both, "brevo", [40], "delivered")
    assert not both.rows(RETURNS)[-1].held
    clock.set_virtual(clock.now() + timedelta(hours=5))
    flood(both, "brevo", [41])
    assert both.rows(RETURNS)[-1].held, "once it has tripped it stays so until a person has looked"
    counted = store.read(lambda c: webhooks.counts(c, clock.now() - timedelta(days=7)))
    assert [tuple(one) for one in counted] == [
        ("webhook:brevo", "complained", 31, 11),
        ("webhook:brevo", "delivered", 1, 0),
    ]
    assert store.write_now(lambda c: braking.release(c, "brevo", ground(both))) == 11
    assert both.facts(39) == [Complained(0)]
    assert len(both.rows(SUPPRESSIONS)) == 31
    assert store.read(lambda c: braking.troubles(c, clock.now())) == []
    flood(both, "brevo", [42])
    assert len(both.rows(SUPPRESSIONS)) == 32, "what was released does not count against what follows"


def test_discarding_lets_nothing_follow_ever(quick):
    store = quick.needs.store
    crowd(store, 100)
    flood(quick, "postmark", range(10, 40), "unsubscribe")
    assert store.write_now(lambda c: braking.discard(c, "postmark", clock.now())) == 10
    flood(quick, "postmark", range(30, 40), "unsubscribe")
    assert len(quick.rows(SUPPRESSIONS)) == 20
    assert sum("discarded" in row.words for row in quick.rows(RETURNS)) == 10
    assert store.write_now(lambda c: braking.release(c, "postmark", ground(quick))) == 0


def test_five_percent_of_a_large_list_may_be_silenced(quick):
    crowd(quick.needs.store, 600)
    flood(quick, "mailgun", range(10, 50))
    assert len(quick.rows(SUPPRESSIONS)) == 600 * 5 // 100


@pytest.mark.parametrize("provider", ["ses", "sendgrid"])
def test_what_the_provider_signed_is_not_held(quick, provider):
    crowd(quick.needs.store, 100)
    flood(quick, provider, range(10, 50))
    assert len(quick.rows(SUPPRESSIONS)) == 40


def test_the_brake_is_told_to_people(quick):
    crowd(quick.needs.store, 100)
    flood(quick, "brevo", range(10, 40))

    def told(connection):
        return alerts.keep(connection, braking.troubles(connection, clock.now()), clock.now())

    (news,) = quick.needs.store.write_now(told)
    assert (news.state, news.kind) == ("raised", "webhook held")


# When things are not well


def test_while_the_store_is_away_the_provider_comes_again(quick, monkeypatch):
    def away(work, urgent=False):
        raise Mistake("the database is locked by another process")

    monkeypatch.setattr(quick.needs.store, "write", away)
    for provider in PROVIDERS:
        answer = golden(provider).to(quick.client)
        assert answer.status_code == 503
        assert answer.headers["retry-after"]


def test_a_slow_reader_does_not_stop_the_loop(quick):
    """Parsing stands in a thread: the health check answers beside it."""
    seen = []

    def heard(*_):
        seen.append(threading.current_thread() is not threading.main_thread())
        return matrix.certificates().known(clock.now())

    known = matrix.certificates()
    known.known = heard
    golden("ses").to(quick.again(webhooks=matrix.endpoints(), certificates=known).client)
    assert seen and all(seen)


# Settings


def test_the_settings_make_endpoints():
    made = endpoints(
        {"main": Webhook("ses", topics=("arn:aws:sns:a:1:b",)), "sg": Webhook("sendgrid", tolerance=30)},
        {
            "main": WebhookSecrets(("a" * 43,)),
            "sg": WebhookSecrets(("b" * 43,), (), (senders.sendgrid_public(),)),
        },
    )
    assert made["main"].topics == ("arn:aws:sns:a:1:b",) and made["main"].signed
    assert made["sg"].tolerance == timedelta(minutes=30)
    assert "aaaa" not in repr(made) and "bbbb" not in repr(made)


@pytest.mark.parametrize(
    ("setting", "known", "says"),
    [
        (Webhook("postmark"), WebhookSecrets(()), "secret ="),
        (Webhook("postmark"), WebhookSecrets(("a" * 43,)), "basic ="),
        (Webhook("brevo"), WebhookSecrets(("a" * 43,)), "basic ="),
        (Webhook("mailgun"), WebhookSecrets(("a" * 43,)), "signing key"),
        (Webhook("sendgrid"), WebhookSecrets(("a" * 43,)), "verification key"),
        (Webhook("sendgrid"), WebhookSecrets(("a" * 43,), (), ("rubbish",)), "no verification key"),
        (Webhook("sendgrid", takes="mail"), WebhookSecrets(("a" * 43,)), "basic ="),
        (Webhook("ses"), WebhookSecrets(("a" * 43,)), "topics ="),
    ],
)
def test_what_is_missing_is_said(setting, known, says):
    with pytest.raises(Mistake, match=says):
        endpoints({"main": setting}, {"main": known})


@pytest.mark.parametrize("provider", ["ses", "sendgrid"])
def test_without_the_library_for_signatures_it_is_said_how_to_install_it(provider, monkeypatch):
    known = WebhookSecrets(("a" * 43,), (), (senders.sendgrid_public(),))  # made with the library
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(Mistake, match=r"pip install 'nurture\[webhooks\]'"):
        endpoints({"main": Webhook(provider, topics=("arn",))}, {"main": known})


def test_secrets_without_a_setting_are_a_slip():
    with pytest.raises(Mistake, match=r"webhooks\.other"):
        endpoints({}, {"other": WebhookSecrets(("a" * 43,))})


# Everything else that may come


def test_nothing_that_comes_breaks_it(both):
    """Some hundred of the seeds of `tests/web/webhook_fuzz.py`, whose command draws as many as are wanted."""
    world = both.again(webhooks=webhook_fuzz.endpoints(), certificates=matrix.certificates())
    counted, wrong = webhook_fuzz.answers(world, range(150))
    assert not wrong
    assert counted[200] > 30 and counted[400] > 30
