"""Certificates of Amazon SNS: fetched once from where only Amazon can put one, validated, and kept.

Only addresses that the reader of SNS has let through come here. What cannot be had is not asked for again
for a minute, so that nobody makes us knock at Amazon's door.
"""

import re
import ssl
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from nurture.delivery.webhook import NotTaken, fetch
from nurture.intake.webhooks import certificate

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

KEPT = timedelta(hours=24)
AGAIN = timedelta(minutes=1)
MOST = 50
_LONGEST_CHAIN = 3
_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)

Fetch = Callable[[str], bytes]
"""The file at an address. Raises NotTaken; blocks."""


def fetch_plain(url: str) -> bytes:
    """The file at an address that begins with http."""
    return fetch(url, plain=True)


class Certificates:
    """Those that were validated. Used from several threads: a certificate fetched twice does no harm."""

    def __init__(
        self,
        fetch_pem: Fetch = fetch,
        fetch_issuer: Fetch = fetch_plain,
        roots: "Callable[[], list[Certificate]] | None" = None,
    ) -> None:
        """`fetch_issuer` gets what the file lacks, by HTTP: it proves itself by who signed it. `roots`: who
        is trusted at the top; without it, whom this machine trusts."""
        self._fetch_pem, self._fetch_issuer, self._roots = fetch_pem, fetch_issuer, roots or system_roots
        self._kept: OrderedDict[str, tuple[datetime, Certificate | str]] = OrderedDict()

    def known(self, now: datetime) -> "dict[str, Certificate]":
        """Address -> certificate, of all that were validated not long ago."""
        kept = list(self._kept.items())
        return {url: one for url, (at, one) in kept if not isinstance(one, str) and abs(now - at) < KEPT}

    def learn(self, url: str, now: datetime) -> str:
        """Fetch and validate the one at this address. Why that failed; empty where it did not. Blocks."""
        before = self._kept.get(url)
        if before is not None and isinstance(before[1], str) and abs(now - before[0]) < AGAIN:
            return before[1]
        try:
            found = self._validated(url, now)
        except NotTaken as wrong:
            found = str(wrong)
        self._kept[url] = now, found
        self._kept.move_to_end(url)
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return found if isinstance(found, str) else ""

    def _validated(self, url: str, now: datetime) -> "Certificate | str":
        pem, roots, issuers = self._fetch_pem(url), self._roots(), list[bytes]()
        found = certificate(pem, roots, now, issuers)
        while isinstance(found, str) and found.startswith("http://") and len(issuers) < _LONGEST_CHAIN:
            issuers.append(self._fetch_issuer(found))
            found = certificate(pem, roots, now, issuers)
        return found


@cache
def system_roots() -> "list[Certificate]":
    """Whom this machine trusts at the top of a chain."""
    where = ssl.get_default_verify_paths()
    files = [Path(where.cafile)] if where.cafile else sorted(Path(where.capath or "/nowhere").glob("*.pem"))
    return [one for file in files for one in _readable(file.read_bytes())]


def _readable(content: bytes) -> "Iterator[Certificate]":
    """The certificates in a file, without those that the library has something against."""
    from cryptography import x509

    for block in _BLOCK.findall(content):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                yield x509.load_pem_x509_certificate(block)
            except (ValueError, Warning):
                continue
