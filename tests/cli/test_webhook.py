"""Webhooks on the command line: addresses to give to providers, what came, confirm, release, discard."""

import json
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from nurture import clock
from nurture.assembly import open_nurture
from nurture.cli import webhook
from nurture.delivery.webhook import NotTaken
from tests.cli.workspace import START, Place
from tests.intake import webhook_senders as senders
from tests.web.webhook_matrix import Post, said

SETTINGS = f"""
[webhooks.main]
provider = "ses"
topics = ["{senders.TOPIC}"]

[webhooks.pm]
provider = "postmark"
"""
SECRETS = f"""
[webhooks.main]
secret = "{senders.SECRET}"

[webhooks.pm]
secret = ["{"n" * 43}", "{senders.SECRET}"]
basic = "{senders.BASIC}"
"""


@pytest.fixture
def endpoints(people: Place) -> Place:
    """A workspace with an endpoint of SES and one of Postmark."""
    append(people.folder / "nurture.toml", SETTINGS)
    append(people.folder / "secrets.toml", SECRETS)
    return people


def append(file: Path, text: str) -> None:
    file.write_text(file.read_text() + text)


def heard(place: Place, *posts: Post) -> list[int]:
    """What the app of the workspace answers."""
    with clock.virtual(START), open_nurture(place.folder) as nurture:
        client = TestClient(nurture.app(), raise_server_exceptions=False)
        return [post.to(client).status_code for post in posts]


def complaint(number: int, address: str) -> Post:
    body = said("postmark", "complaint", address=address, id=f"{number}")
    headers = {"content-type": "application/json", **senders.basic()}
    return Post("pm", json.dumps(body).encode(), headers)


def test_nothing_is_set(people: Place) -> None:
    assert "docs/webhooks.md" in people.ok("webhook", "list").out
    assert len(people.ok("webhook", "secret").out.strip()) == 43
    assert people.ok("webhook", "secret").out != people.ok("webhook", "secret").out
    assert "there is no [webhooks.x]" in people.mistake("webhook", "release", "x")


def test_the_files_are_in_order(endpoints: Place) -> None:
    assert endpoints.run("check").code == 0


def test_addresses_show_their_secrets_only_when_asked(endpoints: Place) -> None:
    plain = endpoints.ok("webhook", "list").out
    assert "http://127.0.0.1:8025/webhooks/main/SECRET" in plain
    assert "http://USER:PASSWORD@127.0.0.1:8025/webhooks/pm/SECRET" in plain
    assert senders.SECRET not in plain and "password" not in plain
    rows = endpoints.ok("webhook", "list", "--secrets", "--json").data
    assert rows[0]["address"] == f"http://127.0.0.1:8025/webhooks/main/{senders.SECRET}"
    assert rows[1]["address"] == f"http://{senders.BASIC}@127.0.0.1:8025/webhooks/pm/{'n' * 43}"


def test_what_came_is_counted_and_what_is_held_is_released(endpoints: Place) -> None:
    known = [complaint(1, "ada@acme.example"), complaint(2, "bo@beta.example")]
    flood = [complaint(number, "cy@gamma.example") for number in range(3, 30)]
    assert heard(endpoints, *known, *flood) == [200] * 29
    row = endpoints.ok("webhook", "list", "--json").data[1]
    assert row["last 7 days"] == "29 complained"
    assert row["held"] == 9
    assert "nurture webhook release NAME" in endpoints.ok("webhook", "list").err
    assert "9 released" in endpoints.ok("webhook", "release", "pm").out
    assert "nothing of pm is held" in endpoints.mistake("webhook", "release", "pm")
    assert endpoints.ok("webhook", "list", "--json").data[1]["held"] == 0


def test_what_is_held_can_be_discarded(endpoints: Place) -> None:
    heard(endpoints, *(complaint(number, "cy@gamma.example") for number in range(1, 30)))
    assert "9 discarded" in endpoints.ok("webhook", "discard", "pm").out
    assert "nothing of pm is held" in endpoints.mistake("webhook", "discard", "pm")


def test_a_topic_is_confirmed_by_a_person(endpoints: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no topic of main asks" in endpoints.mistake("webhook", "confirm", "main")
    asks(endpoints)
    visited: list[str] = []
    monkeypatch.setattr(webhook, "fetch", lambda url: visited.append(url) or b"")
    assert senders.TOPIC in endpoints.ok("webhook", "confirm", "main").out
    assert visited == ["https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"]
    assert "no topic of main asks" in endpoints.mistake("webhook", "confirm", "main")


def test_a_topic_that_cannot_be_confirmed_goes_on_asking(
    endpoints: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks(endpoints)

    def away(url: str) -> bytes:
        raise NotTaken("sns.us-east-1.amazonaws.com answered 500")

    monkeypatch.setattr(webhook, "fetch", away)
    for _ in range(2):
        assert "SNS was not told" in endpoints.mistake("webhook", "confirm", "main")


def asks(place: Place) -> None:
    """SNS asks to confirm the topic. Who signed it is not in question here: the row is written as the app
    writes it, because nobody but Amazon can sign so that this machine's roots believe it."""
    from nurture.engine import braking
    from nurture.intake.webhooks import Heard, Notice

    url = "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
    body = senders.sns({"Type": "SubscriptionConfirmation", "Message": "", "Token": "t", "SubscribeURL": url})
    notice = Notice("m-1", "SNS asks", url, body)
    with clock.virtual(START), open_nurture(place.folder) as nurture:
        ground = nurture.ground()
        nurture.store.write_now(
            lambda c: braking.take(c, Heard(notices=(notice,)), "main", ground, signed=True)
        )


@pytest.mark.parametrize(
    ("settings", "secrets", "says"),
    [
        ('provider = "sparkpost"', "", "must be"),
        ('provider = "ses"\ntopic = "x"', "", "topics"),
        ('provider = "ses"\n[webhooks.Main]\nprovider = "ses"', "", "small letters"),
        ('provider = "postmark"', 'secret = "short"', "at least 43"),
        ('provider = "postmark"', f'secret = "{"s" * 43}"\nbasic = "nocolon"', "user:password"),
        ('provider = "postmark"', f'secret = "{"s" * 43}"\nbasik = "a:b"', "basic"),
        ('provider = "mailgun"', "", "nurture webhook secret"),
    ],
)
def test_slips_in_the_files_are_sentences(people: Place, settings: str, secrets: str, says: str) -> None:
    append(people.folder / "nurture.toml", f"\n[webhooks.main]\n{settings}\n")
    append(people.folder / "secrets.toml", f"\n[webhooks.main]\n{secrets}\n" if secrets else "")
    told = people.mistake("webhook", "list")
    assert says in told and "ssss" not in told
