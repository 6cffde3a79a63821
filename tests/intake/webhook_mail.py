"""A reply to a message of ours, as each provider hands over mail that it received."""

import json
from email.message import EmailMessage
from urllib.parse import urlencode

from tests.intake import webhook_senders as senders
from tests.web.webhook_matrix import Post

ADA = "ada@a.example"


def raw(mark, text):
    message = EmailMessage()
    message["From"] = f"Ada <{ADA}>"
    message["To"] = "nora@mail.matchlight.example"
    message["Subject"] = "Re: Your invoices"
    message["Message-ID"] = "<their-own@a.example>"
    message["In-Reply-To"] = message["References"] = mark
    message.set_content(text)
    return message.as_bytes()


def received(provider, mark, text, id="1"):
    """The request that brings it."""
    pairs = [
        ("From", f"Ada <{ADA}>"), ("To", "nora@mail.matchlight.example"), ("Subject", "Re: Your invoices"),
        ("Message-ID", "<their-own@a.example>"), ("In-Reply-To", mark), ("References", mark),
    ]  # fmt: skip
    match provider:
        case "ses":
            said = {
                "notificationType": "Received", "mail": {"messageId": id, "source": ADA},
                "receipt": {"recipients": ["nora@mail.matchlight.example"], "action": {"type": "SNS"}},
                "content": raw(mark, text).decode(),
            }  # fmt: skip
            return Post(provider, senders.ses(said, MessageId=id), {"content-type": "text/plain"})
        case "sendgrid":
            form = {"email": raw(mark, text).decode(), "envelope": json.dumps({"from": ADA, "to": [id]})}
        case "mailgun":
            form = {
                "sender": ADA, "recipient": "nora@mail.matchlight.example", "body-plain": text,
                "message-headers": json.dumps(pairs), **senders.mailgun_signature(id * 50),
            }  # fmt: skip
        case "postmark":
            names = {"FromFull": {"Email": ADA, "Name": "Ada"}, "Subject": "Re: Your invoices"}
            headers = [{"Name": name, "Value": value} for name, value in pairs[3:]]
            body = {
                "MessageID": id,
                **names,
                "TextBody": text,
                "Headers": headers,
                "Date": "",
                "Attachments": [],
            }
            return Post(provider, json.dumps(body).encode(), json_headers())
        case "brevo":
            item = {"Uuid": [id], "Headers": dict(pairs), "RawTextBody": text}
            return Post(provider, json.dumps({"items": [item]}).encode(), json_headers())
    headers = {"content-type": "application/x-www-form-urlencoded", **senders.basic()}
    return Post(provider, urlencode(form).encode(), headers)


def json_headers():
    return {"content-type": "application/json", **senders.basic()}
