"""The endpoints of webhooks as the settings and secrets make them, or what is missing."""

from collections.abc import Mapping
from datetime import timedelta

from nurture.errors import Mistake
from nurture.intake.webhooks import Endpoint, need_cryptography, public_key
from nurture.secrets import SECRETS, WebhookSecrets
from nurture.settings import Webhook

_SIGNS_NOTHING = ("postmark", "brevo")
_NO_SECRETS = WebhookSecrets(())


def endpoints(settings: Mapping[str, Webhook], secrets: Mapping[str, WebhookSecrets]) -> dict[str, Endpoint]:
    """All of them, by name. Raises Mistake with the first thing to put right, which shows no secret."""
    for name in secrets:
        if name not in settings:
            raise Mistake(
                f"{SECRETS}: there is no [webhooks.{name}] in nurture.toml; name its provider there"
            )
    return {name: _endpoint(name, one, secrets.get(name, _NO_SECRETS)) for name, one in settings.items()}


def path_of(endpoint: Endpoint, secret: str) -> str:
    """Where the provider sends to, below the public address."""
    return f"/webhooks/{endpoint.name}/{secret}"


def _endpoint(name: str, one: Webhook, known: WebhookSecrets) -> Endpoint:
    section = f"[webhooks.{name}]"
    if not known.secret:
        raise Mistake(f'{SECRETS}: put secret = "..." under {section}; nurture webhook secret makes one')
    unsigned = one.provider in _SIGNS_NOTHING or (one.provider == "sendgrid" and one.takes == "mail")
    if unsigned and not known.basic and not (one.provider == "sendgrid" and known.key):
        said = f'{one.provider} signs nothing here: put basic = "user:password" under {section}'
        raise Mistake(f"{SECRETS}: {said}, and both into the address that it is given")
    if not known.key and (
        one.provider == "mailgun" or (one.provider == "sendgrid" and one.takes == "events")
    ):
        which = "HTTP webhook signing key" if one.provider == "mailgun" else "verification key"
        raise Mistake(f'{SECRETS}: put key = "..." under {section}: the {which} that {one.provider} shows')
    if one.provider == "ses" and not one.topics:
        raise Mistake(f'nurture.toml: {section} needs topics = ["arn:aws:sns:..."]: anybody can make a topic')
    if one.provider == "ses" or (one.provider == "sendgrid" and known.key):
        need_cryptography()
    if one.provider == "sendgrid":
        _try_keys(name, known)
    return Endpoint(
        name, one.provider, one.takes, known.secret, known.basic, known.key, one.topics, one.sha1,
        timedelta(minutes=one.tolerance),
    )  # fmt: skip


def _try_keys(name: str, known: WebhookSecrets) -> None:
    for key in known.key:
        try:
            public_key(key)
        except ValueError:
            said = "is no verification key of SendGrid's; copy it from Mail Settings, Event Webhook"
            raise Mistake(f"{SECRETS}: webhooks.{name}.key {said}") from None
