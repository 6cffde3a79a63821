"""What runs: the wake, the duties, and questions about one prospect."""

from nurture.engine.duties import DUTIES, Duty, next_moment, run_all, run_due
from nurture.engine.engine import Engine

__all__ = ["DUTIES", "Duty", "Engine", "next_moment", "run_all", "run_due"]
