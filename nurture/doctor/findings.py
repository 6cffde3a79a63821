"""What an examination finds: one line each, with what it means and what to do."""

from typing import Literal, NamedTuple

State = Literal["ok", "warn", "wrong"]


class Finding(NamedTuple):
    """One thing that was looked at. `says` is what it is, `do` what to do about it (empty where all is well).

    Neither holds a secret or a prospect's address.
    """

    group: str
    name: str
    state: State
    says: str
    do: str = ""


class Group:
    """Makes the findings of one group."""

    def __init__(self, name: str) -> None:
        self.name = name

    def ok(self, name: str, says: str) -> Finding:
        """All is well, or there is nothing to say against it."""
        return Finding(self.name, name, "ok", says)

    def warn(self, name: str, says: str, do: str = "") -> Finding:
        """Nothing is broken, but somebody should know."""
        return Finding(self.name, name, "warn", says, do)

    def wrong(self, name: str, says: str, do: str) -> Finding:
        """Something does not work, or will be refused."""
        return Finding(self.name, name, "wrong", says, do)
