"""nurture.toml: who writes, from which site, what is known about a prospect, which forms there are.

The sections that are settings are checked here too, so that `nurture check` shows everything at once;
`nurture.settings` reads them.
"""

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email
from pydantic import Field, PlainValidator, StringConstraints

from nurture import settings
from nurture.authoring.conditions import WORDS
from nurture.authoring.names import BUILT_IN, TYPES, Names, refer
from nurture.authoring.problems import Unreadable, shown
from nurture.authoring.senders import check_sender
from nurture.authoring.shapes import Id, Kind, Shape, Text, Zone
from nurture.authoring.source import Source
from nurture.core.programme import Attribute, Form, Sender, Site

FILE = "nurture.toml"
EMAIL = "email"
"""The field every form has: the address itself."""


def _address(value: object) -> str:
    hint = 'try "ada@example.com"'
    if not isinstance(value, str):
        raise Unreadable(f"{shown(value)} is not a mail address", hint)
    try:
        validate_email(value, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        raise Unreadable(f"{shown(value)} is not a mail address", hint) from None
    return value


def _site_url(value: object) -> str:
    text = value if isinstance(value, str) else ""
    try:
        parts = urlsplit(text)
        whole = parts.scheme in ("http", "https") and parts.hostname and not parts.query + parts.fragment
    except ValueError:
        whole = False
    if not whole or not text.isprintable() or " " in text:
        raise Unreadable(f"{shown(value)} is not a site's address", 'try "https://www.example.com"')
    return text.rstrip("/")


Type = Literal["text", "number", "flag", "date", "choice", "list", "zone", "country"]
Address = Annotated[str, PlainValidator(_address)]
AttributeName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class SenderShape(Shape):
    """Who writes. Law and large receivers ask for the company and its postal address."""

    name: Text
    address: Address
    company: Text
    postal: Text
    zone: Zone
    reply_to: Address | None = None


class SiteShape(Shape):
    """Our website."""

    url: Annotated[str, PlainValidator(_site_url)]
    hosts: list[Text] = Field(default=[])


class SalesShape(Shape):
    """Who receives handoffs."""

    to: list[Address] = Field(min_length=1)


class AttributeShape(Shape):
    """What may be known about a prospect."""

    type: Type
    personal: bool = False
    values: list[Text] = Field(default=[])
    ask: str = ""


class FormShape(Shape):
    """A form on our pages."""

    source: Text
    kind: Kind
    consent: str = ""
    fields: dict[Text, Text] = Field(default={})


class WorkspaceShape(Shape):
    """nurture.toml, settings and all."""

    sender: SenderShape
    site: SiteShape
    sales: SalesShape
    attributes: dict[AttributeName, AttributeShape] = Field(default={})
    forms: dict[Id, FormShape] = Field(default={})
    store: settings.Store | None = None
    smtp: settings.Smtp | None = None
    web: settings.Web | None = None
    limits: settings.Limits | None = None
    warm_up: settings.WarmUp | None = None
    mailbox: settings.Mailbox | None = None
    machines: settings.Machines | None = None
    webhooks: dict[settings.WebhookName, settings.Webhook] = Field(default={})
    clock: settings.Clock = "real"
    tracking: settings.Tracking = "clicks"
    alerts: settings.Alerts = ""

    def build_sender(self) -> Sender:
        """The core's sender."""
        one = self.sender
        return Sender(one.name, one.address, one.company, one.postal, one.reply_to or "")

    def build_site(self) -> Site:
        """The core's site; the url's own host is always among the hosts."""
        own = urlsplit(self.site.url).hostname or ""
        return Site(self.site.url, tuple(dict.fromkeys((own, *self.site.hosts))))

    def build_attributes(self) -> dict[str, Attribute]:
        """The core's attributes, by name."""
        return {
            name: Attribute(name, one.type, one.personal, tuple(one.values), one.ask)
            for name, one in sorted(self.attributes.items())
        }

    def build_forms(self) -> dict[str, Form]:
        """The core's forms, by name."""
        return {
            name: Form(name, one.source, one.kind, dict(one.fields), one.consent)
            for name, one in sorted(self.forms.items())
        }


def check_workspace(source: Source, names: Names) -> None:
    """What must fit together: names that are taken, values of choices, attributes that forms fill."""
    check_sender(source)
    for path, name, about in source.entries("attributes"):
        if name in (*WORDS, *BUILT_IN, EMAIL):
            why = "is a word of conditions" if name in WORDS else "is there without being declared"
            source.wrong(path, f"the attribute {shown(name)} {why}", "choose another name", key=True)
        if isinstance(about, dict):
            _check_values(source, path, about)
    for path, _, _ in source.entries("forms"):
        for place, field, attribute in source.entries(*path, "fields"):
            if field == EMAIL:
                source.wrong(place, f"every form has {shown(field)} already", "remove it", key=True)
            elif isinstance(attribute, str):
                refer(source, place, "attribute", attribute, _declared(names))


def _check_values(source: Source, path: tuple[str | int, ...], about: dict[str, Any]) -> None:
    choice = about.get("type") == "choice"
    if choice and not about.get("values"):
        source.wrong(path, "a choice needs its values", 'for example values = ["small", "large"]')
    if not choice and about.get("values") and about.get("type") in TYPES:
        source.wrong((*path, "values"), "only a choice has values", 'set type = "choice"', key=True)


def _declared(names: Names) -> list[str] | None:
    return None if names.attributes is None else [name for name in names.attributes if name not in BUILT_IN]
