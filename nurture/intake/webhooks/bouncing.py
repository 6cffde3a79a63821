"""What a provider's verdict on a bounce means by our own table (`delivery.diagnose`).

Providers call things permanent that are policies, and policies bounces. The server's own words and codes are
asked; the provider's verdict decides only what they leave open, and can never make a policy a dead address.
"""

from nurture.delivery import diagnose
from nurture.intake.mail.codes import codes_in


def bounce_of(verdict: str, status: str, words: str) -> str:
    """Our class. `verdict`: what the provider's own type speaks for (hard, soft, block, content, unknown).

    hard: only where the server's words do not say otherwise. soft: stays soft, whatever the words say of the
    mailbox, because whoever tries again knows why. block: likewise. Any other: as the words say.
    """
    codes = codes_in(words)
    found = diagnose(codes.reply, _enhanced(status) or codes.status, words) if status or words else None
    own = found.bounce if found else "unknown"
    match verdict:
        case "hard":
            return "hard" if own == "unknown" and not _is_policy(status or codes.status) else own
        case "soft" | "block":
            return own if own in ("soft", "block", "content") else verdict
    return verdict if own == "unknown" else own


def _enhanced(status: str) -> str:
    """A status that says something: x.0.0 is what is written where nobody knows."""
    return "" if status.endswith(".0.0") else status


def _is_policy(status: str) -> bool:
    return status.startswith(("5.7.", "4."))
