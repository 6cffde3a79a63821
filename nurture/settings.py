"""The settings of a workspace: where the store is, how mail leaves, what listens where.

They stand in `nurture.toml` beside the programme's own sections (sender, site, sales, attributes, forms),
which the authoring package reads. Keys and passwords stand elsewhere (`nurture.secrets`).
"""

import tomllib
from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StrictInt, StrictStr, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from nurture.errors import Mistake

PROGRAMME_SECTIONS = ("sender", "site", "sales", "attributes", "forms")
"""The sections of nurture.toml that belong to the programme: their text is part of its hash."""

_LARGEST = 100_000

_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=_STRICT)
class Store:
    """[store]"""

    database: StrictStr = Field(
        default="sqlite:///nurture.db",
        pattern=r"^(sqlite:///.|postgresql\+psycopg://.)",
        description="sqlite:///FILE (relative to the workspace) or postgresql+psycopg://...",
    )


@dataclass(frozen=True, config=_STRICT)
class Smtp:
    """[smtp]: the server that takes our mail. Without it, mail goes to files in outbox/."""

    host: StrictStr = Field(min_length=1, description="Name of the server")
    port: StrictInt = Field(default=587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: StrictStr = Field(default="", description="To sign in; the password is in secrets.toml")
    connections: StrictInt = Field(default=20, ge=1, le=100, description="Kept open at most")
    messages_per_connection: StrictInt = Field(
        default=100, ge=1, description="After so many a connection is closed, and a new one opened"
    )
    in_doubt: Literal["assume_sent", "resend", "hold"] = Field(
        default="assume_sent",
        description="What is done with a message that nobody answered for, after a day without proof",
    )
    dkim_selectors: tuple[StrictStr, ...] = Field(
        default=(), description="Under which names its DKIM keys stand in the DNS; for nurture doctor alone"
    )


@dataclass(frozen=True, config=_STRICT)
class Web:
    """[web]: the public pages, links and forms."""

    bind: StrictStr = Field(
        default="127.0.0.1:8025", pattern=r"^.+:[0-9]{1,5}$", description="host:port to listen on"
    )
    public: StrictStr = Field(
        default="http://127.0.0.1:8025",
        pattern=r"^https?://[^/\s]+$",
        description="The address others reach it at, without a closing slash",
    )
    trusted_proxies: tuple[StrictStr, ...] = Field(
        default=(), description="Addresses whose X-Forwarded-For is believed"
    )


@dataclass(frozen=True, config=_STRICT)
class Limits:
    """[limits]: messages that may leave in any minute."""

    per_minute: StrictInt | None = Field(
        default=None, ge=1, le=1_000_000, description="In all; without it, no limit"
    )
    per_provider: StrictInt = Field(
        default=20,
        ge=1,
        le=1_000_000,
        description="To one provider of consumer mailboxes, with all its domains",
    )
    per_domain: StrictInt = Field(default=60, ge=1, le=1_000_000, description="To any other domain")


@dataclass(frozen=True, config=_STRICT)
class Machines:
    """[machines]: what is known of programs that follow links before people do."""

    networks: StrictStr = Field(
        default="",
        description="A file of networks, one CIDR a line, that machines ask from (relative to the workspace)",
    )


@dataclass(frozen=True, config=_STRICT)
class WarmUp:
    """[warm_up]: what a new sender sends on each day, until its mail is known."""

    begins: date = Field(alias="from", description="The first day; nothing leaves before it")
    first_day: StrictInt = Field(default=50, ge=1, le=1_000_000, description="Messages on the first day")
    grow: float = Field(default=1.5, ge=1, le=10, description="Each day so many times the day before")
    target: StrictInt = Field(
        default=5000, ge=1, le=1_000_000, description="Messages a day at most, from then on"
    )


@dataclass(frozen=True, config=_STRICT)
class Mailbox:
    """[mailbox]: where returned mail and answers come in. One of host and maildir, or neither: then they are
    read by `nurture intake mail`."""

    domain: StrictStr = Field(
        default="",
        pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+)?$",
        max_length=190,
        description="A domain whose mail all comes to this mailbox: messages then carry addresses of it that"
        " name them. Without it, bounces and answers go to the sender's own addresses",
    )
    host: StrictStr = Field(default="", description="Name of the IMAP server")
    port: StrictInt = Field(default=993, ge=1, le=65535)
    security: Literal["tls", "starttls", "none"] = Field(
        default="tls", description="none: only to a server on this machine"
    )
    user: StrictStr = Field(default="", description="To sign in; the password is in secrets.toml")
    folder: StrictStr = Field(default="INBOX", min_length=1, description="The folder that is read")
    done: StrictStr = Field(
        default="",
        description="A folder for what was read, such as nurture/done; without it, messages stay, marked",
    )
    maildir: StrictStr = Field(default="", description="Instead of a server: a maildir on this machine")


@dataclass(frozen=True, config=_STRICT)
class Webhook:
    """[webhooks.NAME]: an address of ours that a mail provider tells of bounces, complaints and the like."""

    provider: Literal["ses", "sendgrid", "postmark", "mailgun", "brevo"]
    takes: Literal["events", "mail"] = Field(
        default="events", description="What it is told: what became of messages, or mail that people wrote"
    )
    topics: tuple[StrictStr, ...] = Field(
        default=(), description="ses: the ARNs of the SNS topics that are listened to, and no others"
    )
    sha1: bool = Field(default=False, description="ses: take SignatureVersion 1 too, which uses SHA-1")
    tolerance: StrictInt = Field(
        default=10, ge=1, le=1440, description="sendgrid: minutes that a timestamp may be off"
    )


SECTIONS = {
    "store": Store,
    "smtp": Smtp,
    "web": Web,
    "limits": Limits,
    "warm_up": WarmUp,
    "mailbox": Mailbox,
    "machines": Machines,
    "webhooks": Webhook,
}
"""The sections that are settings."""

WebhookName = Annotated[StrictStr, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Clock = Literal["real", "virtual"]
Tracking = Literal["off", "clicks", "full"]
Alerts = Annotated[StrictStr, Field(pattern=r"^(mailto:[^\s@?]+@[^\s@?]+|https://[^\s/@]+(/\S*)?)?$")]
"""Where alerts go: mailto:ADDRESS, https://... (a webhook), or nowhere."""


@dataclass(frozen=True, config=_STRICT)
class Settings:
    """Everything that is not the programme. `folder` is the workspace; no `smtp`: .eml files in `outbox/`."""

    folder: Path
    store: Store = Field(default_factory=Store)
    smtp: Smtp | None = None
    web: Web = Field(default_factory=Web)
    limits: Limits = Field(default_factory=Limits)
    machines: Machines = Field(default_factory=Machines)
    warm_up: WarmUp | None = None
    mailbox: Mailbox = Field(default_factory=Mailbox)
    webhooks: Mapping[WebhookName, Webhook] = Field(default_factory=dict)
    clock: Clock = "real"
    tracking: Tracking = "clicks"
    alerts: Alerts = Field(
        default="",
        description='who is told of trouble: "mailto:ops@example.com" or "https://..." (a webhook)',
    )

    @property
    def database(self) -> str:
        """The store's URL; a SQLite file is given by its full path."""
        file = self.store.database.removeprefix("sqlite:///")
        if file in (self.store.database, ":memory:"):
            return self.store.database
        return f"sqlite:///{(self.folder / file).resolve()}"

    @property
    def outbox(self) -> Path:
        """Where mail goes as .eml files when there is no [smtp]."""
        return self.folder / "outbox"


def read_settings(folder: Path) -> Settings:
    """The settings of the workspace in `folder`. Raises Mistake with the first thing to put right."""
    data = read_toml(folder / "nurture.toml")
    ours = {name: value for name, value in data.items() if name not in PROGRAMME_SECTIONS}
    try:
        return TypeAdapter(Settings).validate_python({**ours, "folder": folder})
    except ValidationError as wrong:
        raise Mistake(_sentence("nurture.toml", wrong)) from None


def read_toml(file: Path, hint: str = "; is this a workspace? nurture init makes one") -> dict[str, Any]:
    """What stands in a file of settings. Raises Mistake; where there is no such file, `hint` says more."""
    try:
        raw = file.read_bytes()
        if len(raw) > _LARGEST:
            raise Mistake(f"{file.name} is larger than {_LARGEST:,} bytes; shorten it")
        return tomllib.loads(raw.decode("utf-8-sig").replace("\r\n", "\n"))
    except FileNotFoundError:
        raise Mistake(f"there is no {file.name} in {file.parent.resolve()}{hint}") from None
    except OSError as wrong:
        raise Mistake(f"{file} cannot be read: {wrong.strerror}") from None
    except UnicodeDecodeError:
        raise Mistake(f"{file.name} is not UTF-8; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as wrong:
        raise Mistake(f"{file.name} is not valid TOML: {_without_values(str(wrong))}") from None
    except (ValueError, RecursionError):
        raise Mistake(f"{file.name} is nested too deep or holds a number too large") from None


def _without_values(said: str) -> str:
    """What the reader of TOML says quotes names of keys at most, but may be long."""
    return said if len(said) < 200 else said[:80] + " ..." + said[-40:]


def _sentence(file: str, wrong: ValidationError) -> str:
    """The first thing that is wrong, as a sentence with its place."""
    found = wrong.errors(include_url=False, include_input=False)
    error = min(found, key=lambda one: one["type"] != "unexpected_keyword_argument")
    where = ".".join(str(step) for step in error["loc"])
    match error["type"]:
        case "unexpected_keyword_argument":
            return f"{file}: unknown key {where}{_nearest(error['loc'])}"
        case "missing":
            return f"{file}: {where} is missing"
        case "dataclass_type":
            return f"{file}: {where} must be a section, [{where}]"
        case "literal_error":
            return f"{file}: {where} must be {error['ctx']['expected']}"
        case "string_pattern_mismatch" if error["loc"][-1] == "[key]":
            return f"{file}: [{where.removesuffix('.[key]')}]: a name is small letters, digits and hyphens"
        case "string_pattern_mismatch":
            return f"{file}: {where} does not look right; it is {_about(error['loc'])}"
    said = error["msg"][:1].lower() + error["msg"][1:]
    return f"{file}: {where}: {said}"


def _nearest(place: tuple[int | str, ...]) -> str:
    known = list(_fields(place[:-1])) + ([] if place[:-1] else list(PROGRAMME_SECTIONS))
    close = get_close_matches(str(place[-1]), known, 1)
    return f'; did you mean "{close[0]}"?' if close else "; known: " + ", ".join(known)


def _about(place: tuple[int | str, ...]) -> str:
    return _fields(place[:-1])[str(place[-1])]


def _fields(section: tuple[int | str, ...]) -> dict[str, str]:
    """The keys of a section, each with what it is for."""
    kind: Any = SECTIONS[str(section[0])] if section else Settings
    schema = TypeAdapter(kind).json_schema()["properties"]
    return {name: about.get("description", "") for name, about in schema.items() if name != "folder"}
