"""What a wake will write, made ready without a store: pure, and light enough for a process of its own."""

from nurture.drafting.drafts import Draft, Failed, draft_all, failed, mark_of
from nurture.drafting.rows import Due, Settled

__all__ = ["Draft", "Due", "Failed", "Settled", "draft_all", "failed", "mark_of"]
