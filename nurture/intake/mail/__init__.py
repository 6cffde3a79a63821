"""Readers of one raw message: what came back in it. Pure, and never raising."""

from nurture.intake.mail.reading import read

__all__ = ["read"]
