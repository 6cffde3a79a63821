"""Who may write: what every programme must say of its sender, and what mail to the world needs beside it."""

from dataclasses import replace
from pathlib import Path

import pytest

from nurture.authoring import reaches_the_world, refusals
from nurture.authoring.senders import aligned
from nurture.core.programme import Sender
from nurture.settings import Mailbox, Settings, Smtp, Web
from tests.authoring.small import FILES, changed, problems

EXAMPLE = Sender("Nora", "nora@mail.shipped.example", "Shipped Ltd", "14 Weavers Yard, Sheffield")
OURS = Sender("Ada", "ada@mail.acme-news.com", "Acme Ltd", "1 Mill Road, York")


@pytest.mark.parametrize(
    ("one", "other", "are"),
    [
        ("acme.com", "acme.com", True),
        ("mail.acme.com", "www.acme.com", True),
        ("Mail.ACME.com", "acme.com", True),
        ("acme.com", "acme.net", False),
        ("notacme.com", "acme.com", False),
        ("acme.com.evil.net", "acme.com", False),
        ("mail.acme.co.uk", "www.acme.co.uk", True),
        ("acme.co.uk", "other.co.uk", False),
        ("co.uk", "co.uk", True),
        ("acme.de", "mail.acme.de", True),
        ("localhost", "localhost", True),
        ("com", "acme.com", False),
    ],
)
def test_alignment(one: str, other: str, are: bool) -> None:
    assert aligned(one, other) is are
    assert aligned(other, one) is are


ADDRESS = 'address = "ada@mail.acme.example"'


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (ADDRESS, 'address = "ada@gmail.com"',
         "nurture.toml:3:11  sender.address  gmail.com is a mailbox provider's, and receivers refuse its "
         "name from anybody else's server  write from a domain of your own"),
        (ADDRESS, 'address = "Ada@GMail.com"', "gmail.com is a mailbox provider's"),
        (ADDRESS, 'address = "ada@other.example"',
         "nurture.toml:3:11  sender.address  other.example is neither of the site's domain nor of one of "
         "site.hosts  write from the domain of www.acme.example, or name a host of other.example in "
         "site.hosts"),
        (ADDRESS, 'address = "ada@mail.acme.example, bo@mail.acme.example"', "is not a mail address"),
        (ADDRESS, 'address = "Ada <ada@mail.acme.example>"', "is not a mail address"),
        (ADDRESS, 'address = "ädä@mail.acme.example"', "cannot stand in a message's head"),
        (ADDRESS, 'address = "ada@mail.äcme.example"', "cannot stand in a message's head"),
        (ADDRESS, 'address = "no-reply@mail.acme.example"', "warning: nobody reads what is answered"),
        (ADDRESS, f'{ADDRESS}\nreply_to = "noreply@acme.example"', "warning: nobody reads what is answered"),
        (ADDRESS, f'{ADDRESS}\nreply_to = "ada@gmail.com"', "warning: answers go to a mailbox provider"),
        (ADDRESS, f'{ADDRESS}\nreply_to = "nobody"', "is not a mail address"),
        ('name = "Ada"', 'name = "Ada\\nBcc: x@y.example"', "cannot stand in a message's head"),
        ('name = "Ada"', 'name = "=?utf-8?q?Ada=0D=0ABcc:_x?="', "cannot stand in a message's head"),
        ('name = "Ada"', f'name = "{"A" * 201}"', "cannot stand in a message's head"),
        ('name = "Ada"', 'name = " "', "sender.name"),
        ('company = "Acme Ltd"', 'company = ""', "sender.company"),
        ('company = "Acme Ltd"\npostal', 'postal', '"company" is missing'),
        ('postal = "1 High Street, Sheffield"', 'postal = "-"', 'sender.postal  "-" is no postal address'),
        ('postal = "1 High Street, Sheffield"', 'postal = "Sheffield,"', "is no postal address"),
        ('postal = "1 High Street, Sheffield"', 'postal = "12345 67890"', "is no postal address"),
        ('postal = "1 High Street, Sheffield"', 'postal = "   "', "sender.postal"),
        ('\npostal = "1 High Street, Sheffield"', "", '"postal" is missing'),
        ('url = "https://www.acme.example"', 'url = "https://[x"', "is not a site's address"),
    ],
)  # fmt: skip
def test_one_thing_wrong_with_the_sender(old: str, new: str, told: str) -> None:
    found = problems(changed("nurture.toml", old, new))
    assert len(found) == 1, found
    assert told in found[0]
    assert found[0].startswith("nurture.toml:")


def test_a_named_host_makes_its_domain_ours() -> None:
    text = FILES["nurture.toml"].replace(ADDRESS, 'address = "ada@acme-news.example"')
    text = text.replace('hosts = ["acme.example"]', 'hosts = ["acme.example", "go.acme-news.example"]')
    assert problems({**FILES, "nurture.toml": text}) == []


def settings(smtp: Smtp | None = None, public: str = "https://go.acme-news.com") -> Settings:
    return Settings(folder=Path(), smtp=smtp, web=Web(public=public))


WORLD = Smtp(host="smtp.acme-news.com")


@pytest.mark.parametrize(
    ("smtp", "reaches"),
    [
        (None, False),
        (Smtp(host="127.0.0.1", port=2525), False),
        (Smtp(host="localhost", port=1025), False),
        (Smtp(host="::1", port=40000), False),
        (Smtp(host="127.0.0.1", port=25), True),
        (Smtp(host="localhost", port=587), True),
        (Smtp(host="10.0.0.7", port=2525), True),
        (Smtp(host="localhost.acme-news.com", port=2525), True),
        (WORLD, True),
    ],
)
def test_what_reaches_the_world(smtp: Smtp | None, reaches: bool) -> None:
    assert reaches_the_world(settings(smtp)) is reaches
    assert bool(refusals(EXAMPLE, settings(smtp, "http://127.0.0.1:8025"), EXAMPLE)) is reaches
    assert refusals(OURS, settings(smtp), EXAMPLE) == []


@pytest.mark.parametrize(
    ("sender", "public", "told"),
    [
        (OURS, "http://go.acme-news.com", "one-click unsubscribing needs https (RFC 8058)"),
        (OURS, "https://127.0.0.1:8025", "which no recipient can reach"),
        (OURS, "https://10.0.0.7", "which no recipient can reach"),
        (OURS, "https://[::1]:8025", "which no recipient can reach"),
        (OURS, "https://mail", "which no recipient can reach"),
        (OURS, "https://go.matchlight.example", "which no recipient can reach"),
        (Sender("A", "a@mail.example.com", "Acme", "1 Mill Road, York"), "", "[sender] address: nobody owns"),
        (
            Sender("A", "a@acme.test", "Acme", "1 Mill Road, York"),
            "",
            "[sender] address: nobody owns acme.test",
        ),
        (
            Sender("A", "a@localhost", "Acme", "1 Mill Road, York"),
            "",
            "[sender] address: nobody owns localhost",
        ),
        (
            Sender("A", OURS.address, "Acme", "1 Mill Road, York", "a@b.example"),
            "",
            "[sender] reply_to: nobody",
        ),
        (
            Sender("A", OURS.address, "Acme", " 14 Weavers Yard, Sheffield "),
            "",
            "[sender] postal is still the",
        ),
        (Sender("A", OURS.address, "Shipped Ltd", "1 Mill Road, York"), "", "[sender] company is still the"),
    ],
)
def test_what_keeps_mail_from_the_world(sender: Sender, public: str, told: str) -> None:
    found = refusals(sender, settings(WORLD, public or "https://go.acme-news.com"), EXAMPLE)
    assert len(found) == 1, found
    assert told in found[0]
    assert found[0].startswith("nurture.toml [")


@pytest.mark.parametrize("domain", ["back.example", "gmail.com", "back.acme.test"])
def test_returned_mail_comes_to_a_domain_of_ours(domain: str) -> None:
    ours = replace(settings(WORLD, "https://go.acme-news.com"), mailbox=Mailbox(domain=domain))
    (found,) = refusals(OURS, ours, EXAMPLE)
    assert found.startswith("nurture.toml [mailbox] domain: ") and domain in found
    assert refusals(OURS, replace(ours, mailbox=Mailbox(domain="back.acme-news.com")), EXAMPLE) == []
