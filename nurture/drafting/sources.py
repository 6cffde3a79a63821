"""Which code drafts: two processes may share the work only where it is the same."""

from hashlib import sha256
from pathlib import Path


def fingerprint() -> bytes:
    """A digest of the files of `core` and `drafting` as they are now: 25 files, about a millisecond."""
    home = Path(__file__).parents[1]
    files = sorted(path for room in ("core", "drafting") for path in (home / room).glob("*.py"))
    return sha256(b"\0".join(path.read_bytes() for path in files)).digest()
