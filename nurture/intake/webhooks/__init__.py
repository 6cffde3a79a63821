"""Webhooks of mail providers: who sent this, and what it says. docs/webhooks.md."""

from nurture.intake.webhooks.hearing import hear, returned
from nurture.intake.webhooks.seam import (
    Endpoint,
    Event,
    Heard,
    Notice,
    Refused,
    Request,
    WantsCertificate,
    admits,
)
from nurture.intake.webhooks.sendgrid import public_key
from nurture.intake.webhooks.sns import asks_for, certificate, may_be_visited, need_cryptography

__all__ = [
    "Endpoint",
    "Event",
    "Heard",
    "Notice",
    "Refused",
    "Request",
    "WantsCertificate",
    "admits",
    "asks_for",
    "certificate",
    "hear",
    "may_be_visited",
    "need_cryptography",
    "public_key",
    "returned",
]
