"""What the doctor says of the mailbox."""

from pathlib import Path
from typing import Any

import pytest

from nurture.doctor.workspace import examine_mailbox, examine_webhooks
from nurture.secrets import Secrets, WebhookSecrets
from nurture.settings import Mailbox, Settings, Smtp, Webhook

WORLD = Smtp(host="smtp.relay-house.net")


def found(box: dict[str, Any], smtp: Smtp | None = WORLD, password: str | None = "secret") -> dict[str, str]:
    settings = Settings(folder=Path("/w"), smtp=smtp, mailbox=Mailbox(**box))
    secrets = Secrets("k1", {}, b"", mailbox_password=password)
    findings = list(examine_mailbox(settings, secrets))
    assert not any("secret" in f"{one.says}" for one in findings)
    return {one.name: one.state for one in findings}


@pytest.mark.parametrize(
    ("box", "state"),
    [
        ({"maildir": "back", "domain": "back.acme-news.com"}, "ok"),
        ({"host": "imap.acme-news.com", "user": "me"}, "ok"),
        ({"domain": "back.acme-news.com"}, "warning"),
        ({}, "warning"),
    ],
)
def test_mail_that_nobody_reads_is_told(box: dict[str, Any], state: str) -> None:
    assert found(box)["way back"][:4] == state[:4]


def test_a_mailbox_without_a_password_is_wrong_and_a_workshop_needs_none() -> None:
    assert found({"host": "imap.acme-news.com"}, password=None)["mailbox password"] == "wrong"
    assert found({}, smtp=None) == {}


@pytest.mark.parametrize(
    ("known", "state", "says"),
    [
        ({"pm": WebhookSecrets(("s" * 43,), ("user:pass",))}, "ok", "pm (postmark)"),
        ({"pm": WebhookSecrets(("s" * 43,))}, "wrong", "postmark signs nothing here"),
        ({}, "wrong", "put secret"),
    ],
)
def test_a_webhook_that_cannot_be_served_is_wrong(
    known: dict[str, WebhookSecrets], state: str, says: str
) -> None:
    settings = Settings(folder=Path("/w"), smtp=WORLD, webhooks={"pm": Webhook("postmark")})
    secrets = Secrets("k1", {}, b"", webhooks=known)
    (one,) = examine_webhooks(settings, secrets)
    assert (one.state, says in one.says) == (state, True)
    assert "s" * 43 not in one.says and "user:pass" not in one.says.replace('"user:password"', "")
    assert list(examine_mailbox(settings, secrets)) == [], "somebody tells us what became of mail"
