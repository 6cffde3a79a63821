"""What to publish or put right, by the code with which receivers refuse mail that proves too little.

The codes: RFC 7372 (authentication), and those that Google and Microsoft use beside it (docs/senders.md).
"""

import re

_CODE = re.compile(r"\b[45]\.7\.(\d{1,3})\b")
_BOTH = "publish SPF and DKIM for the From domain and a DMARC record"
ADVICE = {
    "20": "no DKIM signature passed: have the relay sign, and publish its key",
    "21": "the DKIM signature is not acceptable: publish the relay's present key",
    "22": "the DKIM signature is another domain's: have the relay sign as the From domain",
    "23": "SPF did not pass: add the relay to the SPF record of the From domain",
    "24": "the SPF record is an error: correct it",
    "25": "the relay's address has no name that leads back (PTR): ask whoever gives the address",
    "26": f"neither SPF nor DKIM passed: {_BOTH}",
    "27": "SPF did not pass: add the relay to the SPF record of the From domain",
    "29": "the message did not pass ARC or DKIM: have the relay sign, and publish its key",
    "30": "DKIM did not pass: have the relay sign as the From domain, and publish its key",
    "32": "From is not aligned: have the relay sign, or send, in the name of the From domain",
    "515": f"Outlook.com asks for SPF, DKIM and DMARC: {_BOTH}",
}
"""The detail of a status 5.7.x or 4.7.x -> what it means and what to do."""


def advice_on(words: str) -> str:
    """What to do about a server's refusal; empty where its code is not about proof of who we are."""
    found = _CODE.search(words)
    return ADVICE.get(found[1], "") if found else ""
