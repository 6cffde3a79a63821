"""What runs: the wake, the duties, and questions about one prospect."""

from nurture.engine.duties import DUTIES, Duty, Engine, next_moment, run_all, run_due

__all__ = ["DUTIES", "Duty", "Engine", "next_moment", "run_all", "run_due"]
