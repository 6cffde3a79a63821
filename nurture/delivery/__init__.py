"""Sending: the protocol, its transports, and what servers answer.

What siblings use is named here: the meaning of a refusal, however it was heard of.
"""

from nurture.delivery.diagnosis import Diagnosis, diagnose
from nurture.delivery.outcomes import printable

__all__ = ["Diagnosis", "diagnose", "printable"]
