"""What each provider is documented to send gives the events it means; what only looks like it does not."""

import json
from datetime import timedelta
from email import message_from_bytes, policy
from time import process_time
from urllib.parse import urlencode

import pytest

from nurture.delivery.webhook import NotTaken, fetch
from nurture.intake.webhooks import (
    Heard,
    Refused,
    WantsCertificate,
    certificate,
    hear,
    may_be_visited,
    rebuilt,
    returned,
)
from nurture.web.amazon import Certificates, system_roots
from tests.intake import webhook_senders as senders
from tests.intake.webhook_senders import NOW, authority, endpoint, mailgun_signature, pem, request

FORM = "application/x-www-form-urlencoded"


def only(heard):
    assert isinstance(heard, Heard), heard
    (event,) = heard.events
    return event


def mailgun(about, **changes):
    body = json.dumps({"signature": mailgun_signature(), "event-data": about} | changes).encode()
    return hear(request(body), endpoint("mailgun"))


def older(fields, type=FORM, takes="events"):
    """An older webhook of Mailgun's, or a forwarded message: a form."""
    pairs = [*fields, *mailgun_signature().items()]
    if type == FORM:
        body = urlencode(pairs).encode()
    else:
        parts = [f'--B\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in pairs]
        body = ("".join(parts) + "--B--\r\n").encode()
    return hear(request(body, type=type), endpoint("mailgun", takes=takes))


def brevo(value, takes="events"):
    return hear(request(json.dumps(value).encode(), senders.basic()), endpoint("brevo", takes=takes))


# Mailgun


@pytest.mark.parametrize(
    ("about", "type", "bounce"),
    [
        ({"event": "accepted"}, "queued", ""),
        ({"event": "delivered", "delivery-status": {"code": 250, "message": "OK"}}, "delivered", ""),
        ({"event": "opened", "client-info": {"user-agent": "Firefox"}}, "opened", ""),
        ({"event": "clicked", "url": "https://a.example"}, "clicked", ""),
        ({"event": "unsubscribed"}, "unsubscribed", ""),
        ({"event": "complained"}, "complained", ""),
        ({"event": "list_member_uploaded"}, "unknown", ""),
        ({"event": "failed", "severity": "temporary", "reason": "generic"}, "deferred", ""),
        ({"event": "failed", "severity": "permanent", "reason": "suppress-bounce",
          "delivery-status": {"code": 605, "description": "Not delivering to previously bounced address"}},
         "bounced", "hard"),
        ({"event": "failed", "severity": "permanent", "reason": "suppress-complaint",
          "delivery-status": {"code": 607}}, "bounced", "unknown"),
        ({"event": "failed", "severity": "permanent", "reason": "suppress-unsubscribe",
          "delivery-status": {"code": 606}}, "bounced", "unknown"),
        ({"event": "failed", "severity": "permanent", "reason": "bounce",
          "delivery-status": {"code": 550, "message": "5.1.1 no such user here"}}, "bounced", "hard"),
        ({"event": "failed", "severity": "permanent", "reason": "bounce", "delivery-status":
          {"code": 550, "message": "5.7.1 blocked by Spamhaus"}}, "bounced", "block"),
        ({"event": "failed", "severity": "permanent", "reason": "bounce", "delivery-status":
          {"code": 552, "message": "5.2.2 mailbox full"}}, "bounced", "soft"),
        ({"event": "rejected", "reject": {"reason": "Sandbox subdomains are for test purposes only"}},
         "rejected", "content"),
    ],
)  # fmt: skip
def test_mailgun_events(about, type, bounce):
    about = {"recipient": "a@b.example", "timestamp": NOW.timestamp() - 5.5, "tags": ["t"],
             "user-variables": {"x": 1}, "message": {"headers": {"message-id": "n1.x@d"}},
             **about}  # fmt: skip
    event = only(mailgun(about))
    assert (event.type, event.bounce) == (type, bounce)
    assert (event.recipient, event.tags, event.metadata) == ("a@b.example", ("t",), {"x": 1})
    assert event.message_id == "<n1.x@d>" and event.marks == ("<n1.x@d>",)
    assert event.at == NOW - timedelta(seconds=5.5)
    assert event.click_url == about.get("url", "")
    (one,) = returned(event, NOW)
    assert (one.id, one.vouched) == ("t" * 50, True)


def test_mailgun_of_a_subaccount_is_signed_by_the_account_above():
    ours = mailgun_signature()
    theirs = {**mailgun_signature(key="the subaccount's"), "parent-signature": ours["signature"]}
    assert only(mailgun({"event": "opened"}, signature=theirs)).type == "opened"
    neither = {**theirs, "parent-signature": theirs["signature"]}
    assert mailgun({"event": "opened"}, signature=neither).status == 403


@pytest.mark.parametrize("type", [FORM, "multipart/form-data; boundary=B"])
def test_older_webhooks_of_mailgun(type):
    headers = json.dumps([["X-Mailgun-Variables", '{"a": "1"}'], ["X-Mailgun-Variables", '{"b": "2"}']])
    event = only(
        older(
            [("event", "bounced"), ("recipient", "a@b.example"), ("code", "550"), ("Message-Id", "<n1.x@d>"),
             ("error", "5.1.1 The email account does not exist"), ("message-headers", headers), ("tag", "t")],
            type,
        )
    )  # fmt: skip
    assert (event.type, event.bounce, event.reject_reason) == ("bounced", "hard", "bounced")
    assert (event.message_id, event.metadata, event.tags) == ("<n1.x@d>", {"a": "1", "b": "2"}, ("t",))
    assert event.at == NOW


@pytest.mark.parametrize(
    ("code", "reason", "bounce"),
    [("605", "bounced", "hard"), ("607", "spam", "unknown"), ("606", "unsubscribed", "unknown"),
     ("499", "timed_out", "soft"), ("5.1.1", "bounced", "hard"), ("weird", "other", "unknown"),
     ("\u00b2", "other", "unknown"), ("9" * 30, "other", "unknown")],
)  # fmt: skip
def test_older_codes_of_mailgun(code, reason, bounce):
    event = only(older([("event", "dropped"), ("code", code), ("recipient", "a@b.example")]))
    assert (event.type, event.reject_reason, event.bounce) == ("rejected", reason, bounce)


def test_variables_among_the_fields_of_an_older_webhook_do_not_deceive():
    """Mailgun adds the sender's variables to its own fields: of its own the first counts, of the signature
    the last."""
    event = only(
        older([("event", "opened"), ("recipient", "a@b.example"), ("recipient", "x@y.example"), ("own", "1"),
               ("timestamp", "their own"), ("event", "complained")])
    )  # fmt: skip
    assert (event.type, event.recipient) == ("opened", "a@b.example")
    assert event.metadata == {
        "own": "1", "recipient": "x@y.example", "timestamp": "their own", "event": "complained",
    }  # fmt: skip


def test_mail_that_mailgun_forwards_as_fields_and_whole():
    headers = json.dumps(
        [["From", "Zo\u00eb <z@b.example>"], ["Subject", "Gr\u00fc\u00dfe"], ["X-Evil", "a\r\nBcc: x@y"]]
    )
    fields = [("sender", "z@b.example"), ("recipient", "us@d.example"), ("body-plain", "Hallo\n"),
              ("stripped-text", "Hallo"), ("message-headers", headers)]  # fmt: skip
    event = only(older(fields, takes="mail"))
    message = message_from_bytes(event.said, policy=policy.default)
    assert (message["from"].addresses[0].display_name, message["subject"]) == ("Zo\u00eb", "Gr\u00fc\u00dfe")
    assert message["bcc"] is None
    assert message.get_content() == "Hallo\n"
    assert (event.envelope_sender, event.recipient) == ("z@b.example", "us@d.example")
    whole = only(older([*fields, ("body-mime", "From: z@b.example\r\n\r\nHi")], takes="mail"))
    assert whole.said == b"From: z@b.example\r\n\r\nHi"


def test_what_belongs_to_the_other_kind_of_endpoint_is_refused():
    assert older([("sender", "a@b.example"), ("body-plain", "x")]).status == 400
    assert older([("event", "opened")], takes="mail").status == 400
    assert brevo({"items": []}).status == 400
    assert brevo({"event": "delivered"}, takes="mail").status == 400


# Brevo


@pytest.mark.parametrize(
    ("kind", "reason", "type", "bounce"),
    [
        ("request", "", "queued", ""),
        ("delivered", "", "delivered", ""),
        ("deferred", "", "deferred", ""),
        ("hard_bounce", "550 5.1.1 user unknown", "bounced", "hard"),
        ("hard_bounce", "550 5.7.1 policy", "bounced", "block"),
        ("hard_bounce", "", "bounced", "hard"),
        ("soft_bounce", "452 4.2.2 mailbox full", "bounced", "soft"),
        ("invalid_email", "", "bounced", "hard"),
        ("blocked", "blocked : due to blacklist user", "rejected", "unknown"),
        ("error", "", "failed", "unknown"),
        ("spam", "", "complained", ""),
        ("unsubscribe", "", "unsubscribed", ""),
        ("opened", "", "opened", ""),
        ("unique_opened", "", "opened", ""),
        ("proxy_open", "", "opened", ""),
        ("unique_proxy_open", "", "opened", ""),
        ("click", "", "clicked", ""),
        ("list_addition", "", "subscribed", ""),
        ("brand_new", "", "unknown", ""),
    ],
)
def test_brevo_events(kind, reason, type, bounce):
    said = {"event": kind, "email": "a@b.example", "id": 26224, "date": "2026-03-02 13:00:00", "ts": 1,
            "message-id": "<n1.x@d>", "ts_event": 2, "ts_epoch": int(NOW.timestamp() * 1000) + 250,
            "X-Mailin-custom": '{"a": 1}', "tags": ["t"], "reason": reason, "link": "https://a"}  # fmt: skip
    event = only(brevo(said))
    assert (event.type, event.bounce, event.mta_response) == (type, bounce, reason)
    assert event.at == NOW + timedelta(milliseconds=250)
    assert (event.recipient, event.message_id, event.tags) == ("a@b.example", "<n1.x@d>", ("t",))
    assert (event.metadata, event.click_url) == ({"a": 1}, "https://a")


def test_brevo_sends_batches_and_single_tags():
    two = [{"event": "delivered", "tag": "t"}, {"event": "click", "tag": "t", "X-Mailin-custom": "no json"}]
    for batch in (two, {"events": two}):
        heard = brevo(batch)
        assert [one.type for one in heard.events] == ["delivered", "clicked"]
        assert [one.tags for one in heard.events] == [("t",), ("t",)]
        assert len({one.key for one in heard.events}) == 2
    assert brevo([1, 2]).status == 400
    assert brevo([{}] * 10_001).status == 413


def test_mail_that_brevo_received():
    said = {"Uuid": ["u-1"], "Subject": "Hi", "RawTextBody": "Yes", "RawHtmlBody": None,
            "ExtractedMarkdownMessage": "Yes", "Headers": {"Received": ["a", "b"], "From": "A <a@b.example>",
            "Subject": "Hi", "Delivered-To": "us@d.example", "Return-Path": "<a@b.example>"}}  # fmt: skip
    event = only(brevo({"items": [said]}, takes="mail"))
    message = message_from_bytes(event.said, policy=policy.default)
    assert (message["from"].addresses[0].addr_spec, message["subject"]) == ("a@b.example", "Hi")
    assert message.get_all("received") == ["a", "b"]
    assert message.get_content() == "Yes"
    assert (event.id, event.recipient, event.envelope_sender) == ("u-1", "us@d.example", "a@b.example")


# Amazon


def ses(message, **more):
    return hear(
        request(senders.ses(message, **more), type="text/plain"), endpoint("ses"), senders.certificates()
    )


@pytest.mark.parametrize(
    ("bounce", "kind"),
    [
        ({"bounceType": "Permanent", "bounceSubType": "General"}, "hard"),
        ({"bounceType": "Permanent", "bounceSubType": "NoEmail"}, "hard"),
        ({"bounceType": "Permanent", "bounceSubType": "Suppressed"}, "hard"),
        ({"bounceType": "Permanent", "bounceSubType": "OnAccountSuppressionList"}, "unknown"),
        ({"bounceType": "Transient", "bounceSubType": "General"}, "soft"),
        ({"bounceType": "Transient", "bounceSubType": "MailboxFull"}, "soft"),
        ({"bounceType": "Transient", "bounceSubType": "MessageTooLarge"}, "content"),
        ({"bounceType": "Transient", "bounceSubType": "ContentRejected"}, "content"),
        ({"bounceType": "Undetermined", "bounceSubType": "Undetermined"}, "unknown"),
    ],
)
def test_classes_of_amazon(bounce, kind):
    said = {
        "eventType": "Bounce",
        "bounce": {**bounce, "bouncedRecipients": [{"emailAddress": "a@b.example"}]},
    }
    assert only(ses(said)).bounce == kind


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [("5.7.1", "smtp; 550 5.7.1 policy", "block"), ("5.2.2", "smtp; 552 5.2.2 mailbox full", "soft"),
     ("5.1.1", "smtp; 550 5.1.1 user unknown", "hard"),
     ("5.7.26", "smtp; 550 5.7.26 unauthenticated", "block")],
)  # fmt: skip
def test_a_policy_that_amazon_calls_permanent_silences_nobody(status, words, kind):
    recipient = {"emailAddress": "a@b.example", "status": status, "diagnosticCode": words}
    said = {"eventType": "Bounce", "bounce": {"bounceType": "Permanent", "bouncedRecipients": [recipient]}}
    assert only(ses(said)).bounce == kind


@pytest.mark.parametrize(
    ("complaint", "type"),
    [({}, "complained"), ({"complaintFeedbackType": "abuse"}, "complained"),
     ({"complaintFeedbackType": "not-spam"}, "unknown"),
     ({"complaintFeedbackType": "auth-failure"}, "unknown"),
     ({"complaintSubType": "OnAccountSuppressionList"}, "rejected")],
)  # fmt: skip
def test_not_every_complaint_is_one(complaint, type):
    about = {"complainedRecipients": [{"emailAddress": "a@b.example"}], **complaint}
    assert only(ses({"eventType": "Complaint", "complaint": about})).type == type


def test_one_notification_about_several_people_is_several_events():
    people = [{"emailAddress": f"p{n}@b.example"} for n in range(3)]
    said = {"eventType": "Bounce", "bounce": {"bounceType": "Permanent", "bouncedRecipients": people}}
    heard = ses(said)
    assert [one.recipient for one in heard.events] == [one["emailAddress"] for one in people]
    assert len({one.key for one in heard.events}) == 3


def test_signature_version_1_is_taken_only_where_it_was_asked_for():
    body = senders.sns({"Message": '{"eventType": "Send"}', "SignatureVersion": "1"})
    come = request(body, type="text/plain")
    assert hear(come, endpoint("ses"), senders.certificates()).status == 403
    assert isinstance(hear(come, endpoint("ses", sha1=True), senders.certificates()), Heard)


@pytest.mark.parametrize("name", ["Message", "MessageId", "Timestamp", "TopicArn", "Subject"])
def test_every_signed_key_is_signed(name):
    body = senders.sns({"Message": '{"eventType": "Send"}', "Subject": "s"}, **{name: senders.TOPIC + "x"})
    topics = (senders.TOPIC, senders.TOPIC + "x")
    heard = hear(request(body, type="text/plain"), endpoint("ses", topics=topics), senders.certificates())
    assert heard.status == 403


ELSEWHERE = [
    "http://sns.us-east-1.amazonaws.com/SimpleNotificationService-1a.pem",
    "https://sns.us-east-1.amazonaws.com.evil.example/SimpleNotificationService-1a.pem",
    "https://evil.example/https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1a.pem",
    "https://user@sns.us-east-1.amazonaws.com/SimpleNotificationService-1a.pem",
    "https://sns.us-east-1.amazonaws.com:8443/SimpleNotificationService-1a.pem",
    "https://sns.us-east-1.amazonaws.com/../SimpleNotificationService-1a.pem",
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1a.pem?x=1",
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1a.pem#x",
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1a.pem\n",
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-zz.pem",
    "https://snsXus-east-1.amazonaws.com/SimpleNotificationService-1a.pem",
    "https://sns.us_east.amazonaws.com/SimpleNotificationService-1a.pem",
    "https://sns.x.amazonaws.com/SimpleNotificationService-1a.pem",
    "https://s3.amazonaws.com/SimpleNotificationService-1a.pem",
    "https://127.0.0.1/SimpleNotificationService-1a.pem",
    "https://[::1]/SimpleNotificationService-1a.pem",
    "https://169.254.169.254/latest/meta-data",
    "https://2130706433/", "https://0x7f.1/", "https://localhost./", "file:///etc/passwd", "gopher://a/_x",
    "unix:///tmp/x", "//sns.us-east-1.amazonaws.com/SimpleNotificationService-1a.pem", "", "\u0000",
    "https://sns.us-east-1.amazonaws.com\u3002evil.example/SimpleNotificationService-1a.pem",
]  # fmt: skip


@pytest.mark.parametrize("url", ELSEWHERE)
def test_no_certificate_is_wanted_from_elsewhere(url):
    body = senders.sns({"Message": "{}", "SigningCertURL": url})
    heard = hear(request(body, type="text/plain"), endpoint("ses"), {})
    assert isinstance(heard, Refused) and heard.status == 403
    visit = url.replace("SimpleNotificationService-1a.pem", "?Action=ConfirmSubscription&Token=t")
    assert url.startswith("https://sns.us-east-1.amazonaws.com/Simple") or not may_be_visited(visit)


def test_a_certificate_is_wanted_from_amazon_and_china():
    for host in ("sns.us-east-1.amazonaws.com", "sns.cn-north-1.amazonaws.com.cn"):
        url = f"https://{host}/SimpleNotificationService-1a2b.pem"
        body = senders.sns({"Message": "{}", "SigningCertURL": url})
        assert hear(request(body, type="text/plain"), endpoint("ses"), {}) == WantsCertificate(url)
        assert may_be_visited(f"https://{host}/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:x&Token=1")
        assert not may_be_visited(f"https://{host}/?Action=DeleteTopic&TopicArn=arn:aws:sns:x")


def test_a_chain_must_lead_to_a_root_and_the_name_be_amazons():
    leaf, between, roots = senders.amazon_certificate(), authority("between", "root"), [authority()]
    assert certificate(pem(leaf, between), roots, NOW, []) == leaf
    assert isinstance(certificate(pem(leaf), roots, NOW, []), str)
    assert isinstance(certificate(pem(leaf, between), [authority("another")], NOW, []), str)
    assert isinstance(certificate(pem(leaf, between), roots, NOW + timedelta(days=4000), []), str)
    other = senders.amazon_certificate("sns.evil.example")
    assert isinstance(certificate(pem(other, between), roots, NOW, []), str)
    expired = senders.amazon_certificate(expired=True)
    assert isinstance(certificate(pem(expired, between), roots, NOW, []), str)
    self_signed = authority("sns.amazonaws.com")
    assert isinstance(certificate(pem(self_signed), roots, NOW, []), str)
    for rubbish in (b"", b"\0", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        assert isinstance(certificate(rubbish, roots, NOW, []), str)


def test_what_a_chain_lacks_is_fetched_from_amazon_alone():
    place = "http://crt.r2m01.amazontrust.com/r2m01.cer"
    leaf = senders.amazon_certificate(at=place)
    asked = []

    def issuer(url):
        asked.append(url)
        return authority("between", "root").public_bytes(senders.Encoding.DER)

    def learnt(leaf):
        kept = Certificates(lambda url: pem(leaf), issuer, lambda: [authority()])
        return kept.learn(senders.CERTIFICATE, NOW), kept.known(NOW)

    assert learnt(leaf) == ("", {senders.CERTIFICATE: leaf})
    assert asked == [place]
    why, known = learnt(senders.amazon_certificate(at="http://169.254.169.254/r2m01.cer"))
    assert "no chain" in why and not known and asked == [place]


def test_this_machine_trusts_somebody():
    assert len(system_roots()) > 10


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0",
             "169.254.169.254", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "10.0.0.1", "100.64.0.1"]
)  # fmt: skip
def test_nothing_is_fetched_from_inside(host, plain):
    with pytest.raises(NotTaken):
        fetch(f"http{'' if plain else 's'}://{host}/", plain=plain)


def test_a_letter_full_of_guessed_boundaries_is_put_together_once():
    guesses = "\n".join(f"--=_nurture_{number}_" for number in range(1, 40_001)).encode()
    inside = rebuilt.File("message/rfc822", "letter.eml", b"Subject: inside\n\n" + guesses)
    began = process_time()
    made = rebuilt.message([("Subject", "outside")], "Hello", None, [inside])
    assert process_time() - began < 1
    parts = message_from_bytes(made).get_payload()
    assert [part.get_content_type() for part in parts] == ["text/plain", "message/rfc822"]
