"""Bytes of mail become text, whatever they say of themselves."""

import codecs
import re

_FIT = re.compile(
    r"(utf|iso|windows|cp|ibm|koi|big5|gb|hz|euc|shift|sjis|s_?jis|ascii|us-ascii|latin|l\d|mac|ks_?c|tis|hp|x-)"
)
"""Charsets that mail is written in. Python's other codecs (zip, punycode, idna ...) are not for text."""
_JAPANESE = b"\x1b$"


def decoded(raw: bytes, charset: str) -> str:
    """`raw` as text: by its charset where that fits, else by what mail is mostly written in. Never raises."""
    if raw.isascii() and _JAPANESE not in raw and not charset.lower().startswith(("utf-7", "utf-16", "hz")):
        return raw.decode("ascii")
    for codec in (_codec(charset), "iso2022_jp" if _JAPANESE in raw else "utf-8"):
        if codec:
            try:
                return raw.decode(codec)
            except (ValueError, LookupError):
                continue
    fallback = _codec(charset)
    if fallback and _JAPANESE not in raw and fallback not in ("utf-8", "ascii"):
        return raw.decode(fallback, "replace")
    return raw.decode("iso2022_jp" if _JAPANESE in raw else "cp1252", "replace")


def _codec(charset: str) -> str:
    name = charset.strip().strip("\"'").lower()[:40]
    if not _FIT.match(name):
        return ""
    try:
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        return ""
