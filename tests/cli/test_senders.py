"""Nobody can make a programme active, or send under one, that lacks what law and receivers ask for."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from nurture.assembly import example_sender, load_folder, shipped
from nurture.store import programmes
from nurture.store.tables import TOUCHES
from tests.cli.workspace import START, Place
from tests.shell.test_daemon import receiver

LATER = START + timedelta(hours=1)
IMPORT = ("import", "prospects", "leads.csv", "--map", "map.yaml")
FIRST_USES = (("wake",), ("run",), ("apply",), IMPORT, ("prospect", "list"))
LAYOUTS = ("plain", "card")


def world(place: Place) -> None:
    """Mail would leave this machine: at this port is a mail server like any other (here nobody is)."""
    settings = place.folder / "nurture.toml"
    settings.write_text(settings.read_text() + '\n[smtp]\nhost = "127.0.0.1"\nport = 587\n')


def own(place: Place) -> None:
    """What somebody who sets it up writes."""
    for old, new in (
        ("nora@mail.matchlight.example", "ada@mail.acme-news.com"),
        ("nora@matchlight.example", "ada@acme-news.com"),
        ("Matchlight Ltd", "Acme Ltd"),
        ("14 Weavers Yard, Sheffield S1 0ZZ", "1 Mill Road, York YO1 7HH"),
        ('hosts = ["www.matchlight.example"]', 'hosts = ["www.matchlight.example", "www.acme-news.com"]'),
        ('public = "http://127.0.0.1:8025"', 'public = "https://go.acme-news.com"'),
    ):
        place.edit("nurture.toml", old, new)


def footers(place: Place, old: str, new: str) -> None:
    for layout in LAYOUTS:
        place.edit(f"templates/layouts/{layout}.html", old, new)


BREAKS: dict[str, tuple[Callable[[Place], None], str]] = {
    "postal": (lambda place: footers(place, "{{ sender.postal }}", "here"), "no postal address"),
    "identity": (
        lambda place: [
            footers(place, "{{ sender.company }}", "us"), footers(place, "{{ sender.name }}", "me")
        ][-1],
        "neither company nor name of the sender",
    ),
    "unsubscribe": (
        lambda place: footers(place, '<a href="{{ unsubscribe_url }}">Unsubscribe</a>', "Bye"),
        "no link to unsubscribe",
    ),
    "hidden": (
        lambda place: footers(place, '<div class="footer">', '<div class="footer" style="display:none">'),
        "no link to unsubscribe",
    ),
    "consumer": (
        lambda place: place.edit("nurture.toml", "nora@mail.matchlight.example", "nora@gmail.com"),
        "nurture.toml:8:11: sender.address",
    ),
    "stranger": (
        lambda place: place.edit("nurture.toml", "nora@mail.matchlight.example", "nora@other.example"),
        "other.example is neither of the site's domain",
    ),
    "nowhere": (
        lambda place: place.edit("nurture.toml", "14 Weavers Yard, Sheffield S1 0ZZ, United Kingdom", "-"),
        "is no postal address",
    ),
}  # fmt: skip


def forget_places(said: str) -> str:
    return said.replace("8:11  ", "8:11: ")


@pytest.mark.parametrize("words", FIRST_USES, ids=lambda words: words[0])
@pytest.mark.parametrize("broken", ["postal", "consumer"])
def test_nothing_makes_it_active(place: Place, broken: str, words: tuple[str, ...]) -> None:
    breaks, told = BREAKS[broken]
    breaks(place)
    ended = place.run(*words)
    assert ended.code == 1
    assert told in forget_places(ended.err)
    assert "Traceback" not in ended.err
    assert not (place.folder / "outbox").exists()


@pytest.mark.parametrize("broken", BREAKS)
def test_apply_keeps_the_one_that_was(people: Place, broken: str) -> None:
    before = people.read(lambda c: programmes.active(c).programme)
    breaks, told = BREAKS[broken]
    breaks(people)
    ended = people.run("apply", at=LATER)
    assert (ended.code, told in forget_places(ended.err)) == (1, True), ended
    assert people.read(lambda c: programmes.active(c).programme) == before


def by_hand(place: Place, edit: Callable[[dict[str, str]], None]) -> str:
    """Put a programme into the database as no command would; its name."""
    files = dict(load_folder(place.folder).files)
    edit(files)

    def work(connection: object) -> None:
        programmes.store_text(connection, "by-hand", files, START)  # type: ignore[arg-type]
        programmes.activate(connection, "by-hand", START)  # type: ignore[arg-type]

    with place.opened(START) as nurture:
        nurture.store.write_now(work)
    return "by-hand"


def without_footer(files: dict[str, str]) -> None:
    for layout in LAYOUTS:
        name = f"templates/layouts/{layout}.html"
        files[name] = files[name].replace("{{ sender.postal }}", "here")


@pytest.mark.parametrize("words", [("wake",), ("run",), IMPORT], ids=lambda words: words[0])
def test_one_stored_by_hand_sends_nothing(people: Place, words: tuple[str, ...]) -> None:
    by_hand(people, without_footer)
    sent = sorted((people.folder / "outbox").iterdir())
    sentence = people.mistake(*words, at=LATER + timedelta(days=5))
    assert sentence.startswith(
        "Error: The programme by-hand in the database breaks a rule (templates/layouts/"
    )
    assert "no postal address of the sender" in sentence
    assert sentence.endswith("correct the files here and run `nurture apply`.")
    assert sorted((people.folder / "outbox").iterdir()) == sent
    people.ok("apply", at=LATER)
    people.ok("wake", at=LATER)


def test_a_message_chosen_under_one_stored_by_hand_fails_alone(place: Place) -> None:
    """It waits when the files are put right again: nothing is sent under the broken one."""
    (place.folder / "outbox").touch()
    place.ok(*IMPORT)
    assert place.run("wake").code == 1, "two wait: there is a file where the folder of mails should be"
    (place.folder / "outbox").unlink()
    by_hand(place, without_footer)
    place.ok("apply", at=LATER)
    with place.opened(LATER) as nurture:
        first = "(SELECT min(id) FROM touches WHERE state <> 'ended')"
        change = text(f"UPDATE touches SET programme = 'by-hand' WHERE id = {first}")
        nurture.store.write_now(lambda connection: connection.execute(change))
    place.ok("wake", at=LATER)
    ends = place.read(
        lambda c: {str(row.outcome): row.words for row in c.execute(TOUCHES.select().order_by(TOUCHES.c.id))}
    )
    assert set(ends) == {"failed", "sent"}
    assert "no postal address of the sender" in ends["failed"]
    assert len(list((place.folder / "outbox").glob("*.eml"))) == 1


@pytest.mark.parametrize("words", FIRST_USES, ids=lambda words: words[0])
def test_the_example_is_not_mailed_to_the_world(place: Place, words: tuple[str, ...]) -> None:
    world(place)
    assert place.mistake(*words) == (
        "Error: nurture.toml [sender] address: nobody owns mail.matchlight.example, a domain for examples; "
        "write your own and run `nurture apply`."
    )


@pytest.mark.parametrize("words", [("wake",), ("run",), ("apply",)], ids=lambda words: words[0])
def test_nor_once_it_is_active(people: Place, words: tuple[str, ...]) -> None:
    world(people)
    assert "nobody owns mail.matchlight.example" in people.mistake(*words, at=LATER)
    people.ok("why", "ada@acme.example", at=LATER)


@pytest.mark.parametrize(
    ("new", "old", "told"),
    [
        (
            "1 Mill Road, York YO1 7HH",
            "14 Weavers Yard, Sheffield S1 0ZZ",
            "[sender] postal is still the shipped",
        ),
        ("Acme Ltd", "Matchlight Ltd", "[sender] company is still the shipped example's"),
        (
            "https://go.acme-news.com",
            "http://go.acme-news.com",
            "one-click unsubscribing needs https (RFC 8058)",
        ),
        ("https://go.acme-news.com", "https://127.0.0.1:8025", "which no recipient can reach"),
    ],
)
def test_all_of_it_is_needed(place: Place, new: str, old: str, told: str) -> None:
    own(place)
    world(place)
    place.edit("nurture.toml", new, old)
    sentence = place.mistake("run")
    assert told in sentence
    assert sentence.count(". ") == 0, "one sentence"


def test_with_all_of_it_only_the_server_is_missing(place: Place) -> None:
    own(place)
    world(place)
    place.ok(*IMPORT)
    ended = place.run("wake")
    assert (ended.code, "sending stopped" in ended.err) == (1, True), ended


def test_what_waits_in_the_name_of_the_example_is_not_sent_either(place: Place) -> None:
    """Chosen before the sender was one's own, on its way when mail begins to reach the world."""
    (place.folder / "outbox").touch()
    place.ok(*IMPORT)
    assert place.run("wake").code == 1
    own(place)
    world(place)
    place.ok("apply", at=LATER)
    place.run("wake", at=LATER)
    words = place.read(lambda c: [row.words for row in c.execute(TOUCHES.select())])
    assert len(words) == 2
    assert all("nobody owns mail.matchlight.example" in each for each in words)


def test_a_workshop_sends_as_it_is(place: Place) -> None:
    """On loopback, at a port that is no mail server's, the shipped example plays."""
    with receiver() as inbox:
        settings = place.folder / "nurture.toml"
        more = f'\n[smtp]\nhost = "127.0.0.1"\nport = {inbox.port}\nsecurity = "none"\n'
        settings.write_text(settings.read_text() + more)
        place.ok(*IMPORT)
        place.ok("wake")
        assert len(inbox.ledger) == 2


def test_the_example_that_ships_is_the_one_that_is_compared() -> None:
    example = example_sender()
    assert example.postal in shipped("nurture.toml").read_text(encoding="utf-8")
    assert example.address.endswith(".example")
