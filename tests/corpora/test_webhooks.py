"""97 recorded requests of Amazon SES, SendGrid and Postmark give the events that they are recorded to mean.

The data lies beside the repository (shared/data/webhooks). What the recordings' signatures would need is
signed with our own keys; what is meant to be refused is broken in the way its name says.
"""

import base64
import gzip
import json
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from email.utils import getaddresses
from pathlib import Path

import pytest
from sqlalchemy import func, select

from nurture import clock
from nurture.intake.webhooks import Heard, Refused, hear, returned
from nurture.intake.webhooks.strict import epoch, instant
from nurture.store import Store
from nurture.store.tables import RETURNS
from tests.intake import webhook_senders as senders
from tests.web import conftest as worlds
from tests.web import webhook_matrix as matrix

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "webhooks" / "requests.jsonl.gz"
BASICS = ("username:password", "cred1:pass1", "cred1:pass2", "cred2:pass2")
DJANGO_DROPS_FILES = "test_filtered_attachment_filenames"
"""The recording counts no file of this request, because the framework it was made with drops odd names."""
IN_S3 = "test_inbound_s3"
"""The message of this one was in a bucket, not in the request."""


def recordings():
    if not DATA.exists():
        return []
    with gzip.open(DATA, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


RECORDED = recordings()


def body_of(recorded):
    body = recorded["body"]
    return base64.b64decode(body["b64"]) if "b64" in body else body["text"].encode()


def prepared(recorded):
    """The recorded request, and the endpoint it was sent to, as they are with us."""
    provider = {"amazon_ses": "ses"}.get(recorded["esp"], recorded["esp"])
    body = body_of(recorded)
    headers = {
        name.lower(): value for name, value in recorded["headers"].items() if isinstance(value, str)
    } | {"content-type": recorded["content_type"]}
    changes = {
        "takes": "mail" if recorded["endpoint"] == "inbound" else "events",
        "basic": BASICS if "authorization" in headers or "missing_auth" in recorded["test"] else (),
    }
    now = senders.NOW
    if provider == "ses":
        body, now, changes["topics"] = signed_by_amazon(body)
    elif provider == "sendgrid" and recorded["endpoint"] == "webhooks":
        headers |= senders.sendgrid_headers(body)
        break_signature(headers, recorded["test"].rpartition(".")[2])
    elif provider == "sendgrid":
        changes["keys"] = ()
    return senders.request(body, headers, headers["content-type"], now), senders.endpoint(provider, **changes)


def signed_by_amazon(body):
    said = json.loads(body)
    for name in ("Signature", "SigningCertURL", "SignatureVersion", "UnsubscribeURL"):
        said.pop(name, None)
    said.setdefault("Timestamp", "2026-03-02T11:59:59.000Z")
    said.setdefault("TopicArn", senders.TOPIC)
    body = senders.sns(said)
    return body, instant(said["Timestamp"]) + timedelta(minutes=1), (said["TopicArn"],)


def break_signature(headers, test):
    """As the name of the recorded test says."""
    stamp, signature = "x-twilio-email-event-webhook-timestamp", "x-twilio-email-event-webhook-signature"
    for name, header in (("timestamp", stamp), ("signature", signature)):
        if f"missing_{name}" in test:
            headers.pop(header)
        elif f"empty_{name}" in test:
            headers[header] = ""
        elif f"invalid_{name}" in test:
            broken = base64.b64encode(b"annlid=").decode()
            headers[header] = "invalid data timestamp" if name == "timestamp" else broken


def identified(recorded):
    return f"{recorded['esp']}-{recorded['test'].rpartition('.')[2]}"


@pytest.mark.skipif(not RECORDED, reason=f"the recorded requests are not here: {DATA}")
def test_all_recordings_are_here():
    assert len(RECORDED) == 97


@pytest.mark.parametrize("recorded", RECORDED, ids=identified)
def test_a_recorded_request_gives_the_recorded_events(recorded):
    request, endpoint = prepared(recorded)
    heard = hear(request, endpoint, senders.certificates())
    if must_be_refused(recorded):
        assert isinstance(heard, Refused), heard
        assert heard.status in (400, 401, 403)
        return
    assert isinstance(heard, Heard), heard
    assert len(heard.events) == len(recorded["events"])
    for event, meant in zip(heard.events, recorded["events"], strict=True):
        assert returned(event, request.now)
        compare_mail(event, meant, recorded) if meant["kind"] == "inbound" else compare(event, meant)
    assert len({event.key for event in heard.events}) == len(heard.events)


def must_be_refused(recorded):
    """What was refused; but a subscription is never confirmed by itself here, so nothing of it can fail."""
    if "subscription_confirmation" in recorded["test"]:
        return False
    return recorded["response_status"] != 200


def compare(event, meant):
    at = instant(meant["timestamp"]) if meant["timestamp"] else None
    said = {
        "event_type": event.type, "timestamp": event.at, "event_id": event.id or None,
        "click_url": event.click_url or None, "mta_response": event.mta_response or None,
        "recipient": event.recipient or None, "user_agent": event.user_agent or None,
    }  # fmt: skip
    assert said == {**{name: meant[name] for name in said}, "timestamp": at}
    assert event.reject_reason == (meant["reject_reason"] or "") or told_better(event, meant)
    assert event.description == (meant["description"] or "") or event.type == "rejected"
    tags = [meant["tags"]] if isinstance(meant["tags"], str) else meant["tags"]
    assert list(event.tags) == [tag for tag in tags if tag]
    metadata = dict(event.metadata)
    own = metadata.pop("anymail_id", None)  # the recordings' sender gave its messages ids in a variable
    assert metadata == meant["metadata"]
    assert (own or event.message_id or None) == meant["message_id"]


def told_better(event, meant):
    """A bounce of SendGrid's has no reject reason there; that it is one is said by its type."""
    return meant["reject_reason"] is None and event.type == "bounced"


def compare_mail(event, meant, recorded):
    assert event.type == "inbound"
    assert (event.id or None) == meant["event_id"] or meant["event_id"] is None
    assert event.at == (instant(meant["timestamp"]) if meant["timestamp"] else None)
    wanted = meant["message"]
    assert event.stripped_text == (wanted["stripped_text"] or "")
    if recorded["esp"] != "sendgrid":  # there they are read from a field that the recording leaves alone
        assert event.envelope_sender == (wanted["envelope_sender"] or "")
        assert event.recipient == (wanted["envelope_recipient"] or "")
    test = recorded["test"].rpartition(".")[2]
    if test == IN_S3:
        assert "S3" in event.description and event.said == b""
        return
    message = message_from_bytes(event.said, policy=policy.default)
    assert people(message, "from") == mailboxes([wanted["from"]])
    assert people(message, "to") == mailboxes(wanted["to"])
    assert people(message, "cc") == mailboxes(wanted["cc"])
    assert (message["subject"] or "") == (wanted["subject"] or "")
    assert words(message, "text/plain") == (wanted["text"] or "").replace("\r\n", "\n").rstrip("\n")
    assert words(message, "text/html") == (wanted["html"] or "").replace("\r\n", "\n").rstrip("\n")
    if test != DJANGO_DROPS_FILES:
        assert sum(is_attached(part) for part in message.walk()) == wanted["n_attachments"]


def people(message, name):
    return [(one.display_name, one.addr_spec) for one in message[name].addresses] if message[name] else []


def mailboxes(texts):
    return [] if texts == ["None"] else getaddresses(texts)


def words(message, kind):
    """The first text of a kind that is no file, wherever it stands."""
    for part in message.walk():
        if part.get_content_type() == kind and part.get_content_disposition() != "attachment":
            return part.get_content().replace("\r\n", "\n").rstrip("\n")
    return ""


def is_attached(part):
    return part.get_content_disposition() == "attachment" or part.get_content_type() == "message/rfc822"


def test_an_epoch_is_one():
    assert epoch("1461095250") == instant("2016-04-19T19:47:30+00:00")


@pytest.mark.skipif(not RECORDED, reason=f"the recorded requests are not here: {DATA}")
def test_all_recorded_requests_at_the_real_endpoint(sqlite_database, tmp_path):
    """Each is answered as it was heard, and what it says is kept, once, however often it is sent."""
    needed = {}
    with Store(sqlite_database) as store, clock.virtual(senders.NOW):
        store.write_now(worlds.fill)
        for number, recorded in enumerate(RECORDED * 2):
            came, endpoint = prepared(recorded)
            heard = hear(came, endpoint, senders.certificates())
            clock.set_virtual(came.now)
            endpoint = replace(endpoint, name=f"e{number % len(RECORDED)}")
            status = answered(store, tmp_path, came, endpoint)
            assert status == (heard.status if isinstance(heard, Refused) else 200), recorded["test"]
            if isinstance(heard, Heard):
                needed[f"webhook:{endpoint.name}"] = len({one.key for one in (*heard.events, *heard.notices)})
        kept = dict(store.read(lambda c: c.execute(
            select(RETURNS.c.channel, func.count()).group_by(RETURNS.c.channel))).all())  # fmt: skip
    assert kept == {channel: count for channel, count in needed.items() if count}


def answered(store, folder, came, endpoint):
    needs = worlds.make_needs(
        store, folder, webhooks={endpoint.name: endpoint}, certificates=matrix.certificates()
    )
    headers = {name: value for name, value in came.headers.items() if value is not None}
    post = matrix.Post(endpoint.name, came.body, headers)
    return post.to(worlds.browser(needs)).status_code
