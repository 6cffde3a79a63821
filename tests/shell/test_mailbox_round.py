"""From `nurture wake` to the world and back: a message names itself, and what comes back finds it."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nurture.assembly import open_nurture
from nurture.errors import Mistake
from tests.shell.daemon_world import begin, leads, ok, receiver, rows, server, set_port, states
from tests.shell.mailbox_world import Box, bounce, letter, parsed

BACK = "back.matchlight.example"


def test_messages_name_themselves_and_what_comes_back_finds_them(tmp_path: Path) -> None:
    """With a real SMTP server, a maildir, and the command a timer would run."""
    folder = begin(tmp_path)
    set_port(folder)
    box = Box(folder / "back")
    with (folder / "nurture.toml").open("a") as file:
        file.write(f'\n[mailbox]\ndomain = "{BACK}"\nmaildir = "back"\n')
    leads(folder, "ada", "bo", "cy")
    with receiver() as inbox:
        server(folder, inbox.port)
        ok(folder, "wake")
        sent = {mail.recipient: mail for mail in inbox.ledger}
        assert len(sent) == 3 and states(folder) == {"sent": 3}
        ada = parsed(sent["ada@ada.example"].raw)
        assert sent["ada@ada.example"].sender.startswith("b+")
        answer, way_out = ada["Reply-To"], ada["List-Unsubscribe"]
        assert answer.startswith("r+") and answer.endswith(f"@{BACK}")
        stop = (
            parsed(sent["cy@cy.example"].raw)["List-Unsubscribe"].partition("<mailto:")[2].partition("?")[0]
        )
        assert way_out.startswith("<http") and stop.startswith("u+")
        now = datetime.now(UTC)
        box.add(letter("Yes, please call.\n\n> unsubscribe\n", now, From="ada@ada.example", To=answer))
        box.add(bounce("bo@bo.example", sent["bo@bo.example"].sender, now))
        box.add(letter("", now, From="cy@cy.example", To=stop, Subject="unsubscribe"))
        ok(folder, "wake")
        assert box.names("new") == [] and len(box.names("cur")) == 3
        told = [parsed(mail.raw) for mail in inbox.ledger if mail.recipient == "nora@matchlight.example"]
    assert [mail["Reply-To"] for mail in told] == ["ada@ada.example"]
    body = told[0].get_body(("plain",))
    assert body is not None and "Yes, please call." in body.get_content()
    for name, said in (("ada", "replied"), ("bo", "bounced"), ("cy", "unsubscribed")):
        assert said in ok(folder, "journey", f"{name}@{name}.example")
    assert rows(folder, "SELECT reason FROM suppressions ORDER BY 1") == [("bounced",), ("unsubscribed",)]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('host = "imap.example.com"\nsecurity = "none"', "for this machine alone"),
        ('host = "imap.example.com"\nuser = "me"', "[mailbox] password in secrets.toml"),
    ],
)
def test_a_mailbox_that_cannot_be_signed_in_to_safely_is_refused(
    tmp_path: Path, lines: str, said: str
) -> None:
    folder = begin(tmp_path)
    with (folder / "nurture.toml").open("a") as file:
        file.write(f"\n[mailbox]\n{lines}\n")
    with open_nurture(folder) as nurture, pytest.raises(Mistake, match=re.escape(said)):
        nurture.mailbox()


def test_a_mailbox_that_is_away_stops_nothing_else(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = begin(tmp_path)
    with (folder / "nurture.toml").open("a") as file:
        file.write('\n[mailbox]\nmaildir = "nowhere"\n')
    leads(folder, "ada")
    ok(folder, "wake")
    assert states(folder) == {"sent": 1}
    assert "mail is not read for now" in caplog.text and "nowhere" in caplog.text
