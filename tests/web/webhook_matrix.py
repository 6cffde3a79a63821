"""The hostile matrix: what each provider's endpoint does with what a stranger may send.

`python -m tests.web.webhook_matrix` prints it as a table. For those who sign nothing, "bad signature" is a
wrong password, "wrong key" a wrong secret in the path, and there is no timestamp that could be old.
"""

import gzip
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from nurture import clock
from nurture.delivery.tokens import message_id
from nurture.store import Store, schema
from nurture.store.tables import RETURNS, SUPPRESSIONS, touch_id
from nurture.web.amazon import Certificates
from tests.intake import webhook_senders as senders
from tests.web import conftest as worlds

PROVIDERS = ("ses", "sendgrid", "postmark", "mailgun", "brevo")
UNSIGNED = ("postmark", "brevo")
TYPES = {"ses": "text/plain; charset=UTF-8"}
NOON = senders.NOW
ADA = "ada@a.example"


@dataclass
class Post:
    """A request as it leaves a provider."""

    provider: str
    body: bytes
    headers: dict[str, str]
    secret: str = senders.SECRET

    def to(self, client):
        path = f"/webhooks/{self.provider}/{self.secret}"
        return client.post(path, content=self.body, headers=self.headers)


def certificates():
    """Amazon's, fetched from nowhere."""
    chain = senders.pem(senders.amazon_certificate(), senders.authority("between", "root"))
    return Certificates(lambda url: chain, roots=lambda: [senders.authority()])


def endpoints(**changes):
    return {name: senders.endpoint(name, **changes.get(name, {})) for name in PROVIDERS}


def said(provider, kind="bounce", address=ADA, id="e-1", mark="", **more):
    """What the provider says of one message, before it is signed."""
    mark = mark or "<n1.nobody@mail.matchlight.example>"
    stamp = int(NOON.timestamp()) - 60
    match provider:
        case "ses":
            mail = {
                "messageId": f"ses-{id}",
                "destination": [address],
                "headers": [{"name": "Message-ID", "value": mark}],
            }
            recipient = {
                "emailAddress": address,
                "status": "5.1.1",
                "diagnosticCode": "smtp; 550 5.1.1 no such user",
            }
            about = {
                "bounce": {
                    "eventType": "Bounce",
                    "bounce": {
                        "bounceType": "Permanent",
                        "bounceSubType": "General",
                        "bouncedRecipients": [recipient],
                    },
                },
                "delivered": {"eventType": "Delivery", "delivery": {"recipients": [address]}},
                "complaint": {
                    "eventType": "Complaint",
                    "complaint": {"complainedRecipients": [recipient], "complaintFeedbackType": "abuse"},
                },
                "unsubscribe": {
                    "eventType": "Subscription",
                    "subscription": {
                        "source": "UnsubscribeHeader",
                        "newTopicPreferences": {"unsubscribeAll": True},
                    },
                },
                "open": {"eventType": "Open", "open": {"userAgent": "Mozilla/5.0"}},
                "drop": {
                    "eventType": "Bounce",
                    "bounce": {
                        "bounceType": "Permanent",
                        "bounceSubType": "OnAccountSuppressionList",
                        "bouncedRecipients": [{"emailAddress": address}],
                    },
                },
                "policy": {
                    "eventType": "Bounce",
                    "bounce": {
                        "bounceType": "Permanent",
                        "bounceSubType": "General",
                        "bouncedRecipients": [
                            {
                                **recipient,
                                "status": "5.7.1",
                                "diagnosticCode": "smtp; 550 5.7.1 rejected by policy",
                            }
                        ],
                    },
                },
            }.get(kind, {"eventType": kind})
            return {**about, "mail": mail, **more}
        case "sendgrid":
            about = {
                "bounce": {
                    "event": "bounce",
                    "type": "bounce",
                    "status": "5.1.1",
                    "reason": "550 5.1.1 no such user",
                },
                "delivered": {"event": "delivered", "response": "250 OK"},
                "complaint": {"event": "spamreport"},
                "unsubscribe": {"event": "group_unsubscribe"},
                "open": {"event": "open"},
                "drop": {"event": "dropped", "reason": "Unsubscribed Address"},
                "policy": {
                    "event": "bounce",
                    "type": "bounce",
                    "status": "5.7.1",
                    "reason": "550 5.7.1 rejected by policy",
                },
            }.get(kind, {"event": kind})
            return {"email": address, "timestamp": stamp, "sg_event_id": id, "smtp-id": mark, **about, **more}
        case "postmark":
            about = {
                "bounce": {
                    "RecordType": "Bounce",
                    "Type": "HardBounce",
                    "ID": id,
                    "BouncedAt": NOON.isoformat(),
                    "Details": "smtp;550 5.1.1 no such user",
                    "Email": address,
                },
                "delivered": {
                    "RecordType": "Delivery",
                    "Recipient": address,
                    "DeliveredAt": NOON.isoformat(),
                },
                "complaint": {
                    "RecordType": "SpamComplaint",
                    "Type": "SpamComplaint",
                    "ID": id,
                    "Email": address,
                },
                "unsubscribe": {
                    "RecordType": "SubscriptionChange",
                    "SuppressSending": True,
                    "Recipient": address,
                    "SuppressionReason": "ManualSuppression",
                    "ChangedAt": NOON.isoformat(),
                },
                "open": {"RecordType": "Open", "Recipient": address, "ReceivedAt": NOON.isoformat()},
                "drop": {"RecordType": "Bounce", "Type": "ManuallyDeactivated", "ID": id, "Email": address},
                "policy": {
                    "RecordType": "Bounce",
                    "Type": "HardBounce",
                    "ID": id,
                    "Email": address,
                    "Details": "smtp;550 5.7.1 rejected by policy",
                },
            }.get(kind, {"RecordType": kind, "Recipient": address})
            return {"MessageID": f"pm-{id}", **about, **more}
        case "mailgun":
            about = {
                "bounce": {
                    "event": "failed",
                    "severity": "permanent",
                    "reason": "bounce",
                    "delivery-status": {"code": 550, "message": "5.1.1 no such user", "description": ""},
                },
                "delivered": {"event": "delivered", "delivery-status": {"code": 250, "message": "OK"}},
                "complaint": {"event": "complained"},
                "unsubscribe": {"event": "unsubscribed"},
                "open": {"event": "opened"},
                "drop": {
                    "event": "failed",
                    "severity": "permanent",
                    "reason": "suppress-unsubscribe",
                    "delivery-status": {"code": 606, "message": ""},
                },
                "policy": {
                    "event": "failed",
                    "severity": "permanent",
                    "reason": "bounce",
                    "delivery-status": {"code": 550, "message": "5.7.1 rejected by policy"},
                },
            }.get(kind, {"event": kind})
            headers = {"message-id": mark.strip("<>"), "to": address}
            return {
                "id": id,
                "timestamp": stamp,
                "recipient": address,
                "message": {"headers": headers},
                **about,
                **more,
            }
        case "brevo":
            about = {
                "bounce": {"event": "hard_bounce", "reason": "550 5.1.1 no such user"},
                "delivered": {"event": "delivered"},
                "complaint": {"event": "spam"},
                "unsubscribe": {"event": "unsubscribe"},
                "open": {"event": "unique_opened"},
                "drop": {"event": "blocked", "reason": "blocked : due to blacklist user"},
                "policy": {"event": "hard_bounce", "reason": "550 5.7.1 rejected by policy"},
            }.get(kind, {"event": kind})
            return {"email": address, "message-id": mark, "ts_epoch": stamp * 1000, "id": 12, **about, **more}
    raise AssertionError(provider)


def post(provider, event, id="e-1", at=NOON, key=None):
    """The event (or the raw text in its place), signed as the provider does."""
    headers = {"content-type": TYPES.get(provider, "application/json")}
    text = event if isinstance(event, str) else json.dumps(event)
    match provider:
        case "ses":
            stamp = at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
            said = {"Message": text, "MessageId": id, "Timestamp": stamp}
            return Post(provider, senders.sns(said, key=key or "amazon"), headers)
        case "sendgrid":
            body = (text if isinstance(event, str) else json.dumps([event])).encode("utf-8", "surrogatepass")
            return Post(provider, body, {**headers, **senders.sendgrid_headers(body, at, key or "sendgrid")})
        case "mailgun":
            token = (id * 50)[:50]
            signature = senders.mailgun_signature(token, at, key or senders.MAILGUN_KEY)
            body = f'{{"signature": {json.dumps(signature)}, "event-data": {text}}}'
            return Post(provider, body.encode("utf-8", "surrogatepass"), headers)
    return Post(provider, text.encode("utf-8", "surrogatepass"), {**headers, **senders.basic()})


def golden(provider, kind="bounce", id="e-1", **more):
    return post(provider, said(provider, kind, id=id, **more), id)


def replaced(of, **changes):
    return Post(**{**of.__dict__, **changes})


# The cases: each gives the requests that are sent one after the other.


def valid(provider):
    return [golden(provider)]


def bad_signature(provider):
    one = golden(provider)
    match provider:
        case "ses":
            return [replaced(one, body=one.body.replace(b'"Signature": "', b'"Signature": "AAAA'))]
        case "sendgrid":
            return [replaced(one, headers={**one.headers, "x-twilio-email-event-webhook-signature": "AAAA"})]
        case "mailgun":
            return [replaced(one, body=one.body.replace(b'"signature": "', b'"signature": "0'))]
    return [replaced(one, headers={**one.headers, **senders.basic("username:wrong")})]


def wrong_key(provider):
    if provider in UNSIGNED:
        return [replaced(golden(provider), secret="x" * 43)]
    return [post(provider, said(provider), key="somebody-else")]


def old_timestamp(provider):
    far = {"ses": timedelta(minutes=61), "sendgrid": timedelta(minutes=11), "mailgun": timedelta(hours=25)}
    return [] if provider in UNSIGNED else [post(provider, said(provider), at=NOON - far[provider])]


def replay(provider):
    return [golden(provider), golden(provider), golden(provider)]


def body_swap(provider):
    """Signature and timestamp of one request around the body of another, about somebody else."""
    one, other = golden(provider), golden(provider, address="bo@b.example")
    if provider == "ses":
        return [replaced(one, body=one.body.replace(b"ada@a", b"bo@b.a"))]
    return [one, replaced(one, body=other.body)]


def duplicate_keys(provider):
    text = json.dumps(said(provider))
    doubled = text[:-1] + ', "email": "bo@b.example", "email": "cy@c.example"}'
    if provider == "ses":  # also in the envelope itself
        one = golden(provider)
        return [replaced(one, body=one.body[:-1] + b', "TopicArn": "arn:aws:sns:eu-west-1:1:theirs"}')]
    return [post(provider, f"[{doubled}]" if provider == "sendgrid" else doubled)]


def wrong_topic(provider):
    if provider != "ses":
        return []
    said_ = {"Message": json.dumps(said("ses")), "TopicArn": "arn:aws:sns:us-east-1:666:theirs"}
    return [replaced(golden("ses"), body=senders.sns(said_))]


def ten_megabytes(provider):
    return [replaced(golden(provider), body=b"[" + b" " * 10_000_000 + b"]")]


def gzip_bomb(provider):
    one = golden(provider)
    return [
        replaced(
            one, body=gzip.compress(b"[" * 9_000_000), headers={**one.headers, "content-encoding": "gzip"}
        )
    ]


def wrong_content_type(provider):
    one = golden(provider)
    return [replaced(one, headers={**one.headers, "content-type": "application/xml"})]


def out_of_order(provider):
    return [golden(provider), golden(provider, "delivered", id="e-0")]


def unknown_type(provider):
    return [golden(provider, "something new")]


def unicode(provider):
    """Marks of direction, half of a pair, NUL, a script: kept as text, run by nobody."""
    hostile = "<script>alert(1)</script> \u202e\ud800\0 \U0001f4a3 ' \"; DROP TABLE"
    return [golden(provider, "complaint", id="e-1", reason=hostile, Details=hostile, note={hostile: hostile})]


@dataclass(frozen=True)
class Case:
    """What is sent, what is answered to each, how many returns are kept, how many people are silenced."""

    name: str
    sends: Callable[[str], list[Post]]
    statuses: tuple[int, ...]
    kept: int
    silenced: int


CASES = (
    Case("valid", valid, (200,), 1, 1),
    Case("bad signature", bad_signature, (403,), 0, 0),
    Case("wrong key", wrong_key, (403,), 0, 0),
    Case("old timestamp", old_timestamp, (403,), 0, 0),
    Case("replay", replay, (200, 200, 200), 1, 1),
    Case("body swap", body_swap, (200, 403), 1, 1),
    Case("duplicate keys", duplicate_keys, (400,), 0, 0),
    Case("wrong topic", wrong_topic, (403,), 0, 0),
    Case("10 MB", ten_megabytes, (413,), 0, 0),
    Case("gzip bomb", gzip_bomb, (400,), 0, 0),
    Case("wrong content type", wrong_content_type, (400,), 0, 0),
    Case("out of order", out_of_order, (200, 200), 2, 1),
    Case("unknown type", unknown_type, (200,), 1, 0),
    Case("unicode", unicode, (200,), 1, 1),
)


def expected(case, provider):
    """What is right for this provider, where it is not the same for all."""
    if provider in UNSIGNED and case.name == "bad signature":
        return Case(case.name, case.sends, (401,), 0, 0)
    if case.name == "body swap" and provider == "ses":
        return Case(case.name, case.sends, (403,), 0, 0)
    if case.name == "body swap" and provider == "postmark":
        return Case(case.name, case.sends, (200, 200), 1, 1)  # the same id: known
    if case.name == "body swap" and provider == "brevo":
        return Case(case.name, case.sends, (200, 200), 2, 2)  # another event, and nothing signs it: the brake
    return case


def run(case, provider, world):
    """What was answered, kept and silenced."""
    client = world.client
    statuses = tuple(one.to(client).status_code for one in case.sends(provider))
    kept = len(world.rows(RETURNS))
    return statuses, kept, len(world.rows(SUPPRESSIONS))


def mark_of(world, prospect=1):
    """The Message-ID of the message that somebody was sent."""
    return message_id(world.needs.keys, touch_id(prospect, 1), "mail.matchlight.example")


def table():
    """Every case with every provider, each in a world of its own, as lines of a table."""
    width = max(len(case.name) for case in CASES)
    yield "".join([" " * width, *(f"  {name:<13}" for name in PROVIDERS)])
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "template.db"
        schema.upgrade(f"sqlite:///{template}", Path(__file__).parents[2] / "migrations")
        for case in CASES:
            cells = [_cell(case, provider, Path(folder), template) for provider in PROVIDERS]
            yield "".join([f"{case.name:<{width}}", *(f"  {cell:<13}" for cell in cells)])


def _cell(case, provider, folder, template):
    if not case.sends(provider):
        return "-"
    database = folder / "one.db"
    shutil.copyfile(template, database)
    with Store(f"sqlite:///{database}") as store, clock.virtual(NOON):
        store.write_now(worlds.fill)
        needs = worlds.make_needs(store, folder, webhooks=endpoints(), certificates=certificates())
        statuses, kept, silenced = run(case, provider, worlds.World(needs, worlds.browser(needs)))
    right = expected(case, provider)
    told = f"{'/'.join(map(str, dict.fromkeys(statuses)))} {kept} {silenced}"
    is_right = (statuses, kept, silenced) == (right.statuses, right.kept, right.silenced)
    return told if is_right else f"{told} WRONG"


if __name__ == "__main__":
    print("status, returns kept, people silenced; -: the provider has no such thing")
    for line in table():
        print(line)
        sys.stdout.flush()
