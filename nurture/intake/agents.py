"""What a User-Agent says of who asks: a browser, a program, or a mailbox that loads pictures for its reader.

Patterns and not lists of names, because new crawlers come every week. Whoever writes one says where to
complain, or what it does (scan, check, fetch), or calls itself no browser; a browser names a platform or
an engine. What pretends to be a browser to the letter is not told apart here. docs/hits.md has figures.
"""

import re
from functools import lru_cache

MOST_AGENT = 200
"""Letters of a User-Agent that are kept."""

_PROGRAMS = re.compile(
    r"""^(?!["']?mozilla/|opera[/ ])  # every browser begins so, but for these
        (?! (?:samsung|nokia|sonyericsson|lg|lge|mot|zte|alcatel|huawei|htc|sec|sie|blackberry)[-_ ]?\w
          | (?:docomo|kddi|lynx|e?links|w3m|dillo|netsurf|ibrowse|amiga|ncsa_mosaic)\b
          | (?:microsoft\ (?:office|outlook)|outlook|thunderbird)(?!.*\bdiscovery)
          | .*(?:midp|cldc|ucweb|up\.browser|applewebkit/) )
    | ^(?!.*(?: windows | mac | linux | x11 | android | iphone | ipad | ipod | cros | bsd | sunos | os/2
              | amiga | haiku | beos | symbian | series | s60 | nokia | blackberry | bb10 | playbook | tizen
              | web[0o]s | playstation | nintendo | xbox | kindle | crkey | harmony | mobile | tablet | msie
              | midp | lynx | links | w3m | dillo | netsurf | gecko/ | applewebkit | khtml/ | presto | opera
              | ucweb | office | outlook | thunderbird | browser))  # names no platform and no engine
    | \S\s+mozilla/5\.0$  # a mailbox that loads ahead of its reader says it twice
    | https?:// | @[\w-]+\.[a-z] | \(at\) | \bwww\.  # says where to complain, as no browser does
    | (?<![/.\w-])[a-z][\w-]+\.(?:com|net|org|io|co|de|fr|ru|nl|eu|uk|ai|dev)(?=[\s;),/]|$)
    | \bcompatible;(?!\s*(?:msie|konqueror|u;|ibrowse)) | like\ gecko[;,](?!\s*safari) | safari/[\d.]+;\s
    | (?<!cu)bot(?!ticelli) | crawl | spider | slurp | archiv | scrap(?:e|y|ing) | harvest | extract(?:or|ion)
    | scan(?:s|ner|ning)?\b | monitor | watcher | inspect | analy[sz]er | audit | validat | verif(?:y|ie|ic)
    | check(?:s|er|ing)?\b | uptime | ping(?:dom|er)?\b | pingdom | synthetic | lighthouse | page\ ?speed
    | fetch | grab(?:ber)?\b | collect(?:or|ion) | download(?:er)?\b | discovery | index(?:er|ing)\b
    | (?<!user-)agent\b | proxy\b | preview | unfurl | linkexpand | favicon | thumbnail | screenshot
    | optimi[sz]er | rss\b | \bfeed | google-(?!app) | \bseo\b | nutch | heritrix
    | headless | phantomjs | puppeteer | playwright | selenium | webdriver | cypress | \bptst/
    | nmap | nikto | openvas | nessus | sqlmap | zgrab | masscan
    | python | perl\b | ruby | \bphp | go-http | okhttp | http-?(?:client|request) | \bjava\b(?!;)
    | libwww(?!-fm|/2) | curl | wget | node-fetch | axios | guzzle | winhttp
    | ^(?!.*(?:mobile|android|tv\b)).*\bsafari/[\d.]+\s\(?
      (?-i:[A-Z][\w.-]*[a-z][\w.-]*)\)?$  # a name at the end, no version; apps on telephones do so""",
    re.IGNORECASE | re.VERBOSE,
)
"""Programs that say what they are. `Cubot` is a telephone."""

_PROXIES = re.compile(r"googleimageproxy|yahoomailproxy", re.IGNORECASE)
_AHEAD = re.compile(
    r"^\s*mozilla/5\.0\s*$|chrome/42\.0\.2311\.135\b.*edge/12\.246\s+mozilla/5\.0\s*$", re.IGNORECASE
)

_SYSTEMS = (
    ("windows phone", "phone"),
    ("windows", "windows"),
    ("android", "android"),
    ("iphone", "ios"),
    ("ipad", "ios"),
    ("ipod", "ios"),
    ("mac os", "mac"),
    ("macintosh", "mac"),
    ("cros", "chromeos"),
    ("linux", "linux"),
)
"""What stands in an agent -> the system it names; the first that fits."""


@lru_cache(maxsize=4096)
def is_program(agent: str) -> bool:
    """Whether a User-Agent names a library, a tool, a crawler or a link preview, or nothing at all."""
    return _PROGRAMS.search(agent.strip()) is not None


def is_picture_proxy(agent: str) -> bool:
    """Whether it is Gmail's or Yahoo's: they load a picture when the person opens the message."""
    return _PROXIES.search(agent) is not None


def loads_ahead(agent: str) -> bool:
    """Whether it is a mailbox that loads pictures before anybody reads: Apple's privacy, Gmail's prefetch."""
    return _AHEAD.search(agent) is not None


@lru_cache(maxsize=4096)
def system_of(agent: str) -> str:
    """The operating system that a User-Agent names; empty where it names none we know."""
    said = agent.lower()
    return next((name for word, name in _SYSTEMS if word in said), "")


def short_agent(agent: str) -> str:
    """A User-Agent as it is kept: printable, at most 200 characters."""
    return "".join(letter for letter in agent[: 2 * MOST_AGENT] if letter.isprintable())[:MOST_AGENT]
