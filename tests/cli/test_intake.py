"""`nurture intake`: files of mail are read anywhere, recorded in a workspace, listed and shown."""

import json
import mailbox
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nurture.cli import nurture as program
from tests.cli.workspace import START, Place
from tests.shell.mailbox_world import bounce, letter


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    """A bounce, an answer, an absence and something else, as files."""
    folder = tmp_path / "letters"
    folder.mkdir()
    absent = letter("Away", START, From="a@b.example", Auto_Submitted="auto-replied", Subject="Out of office")
    for name, raw in {
        "1.eml": bounce("ada@acme.example", "b@back.example", START),
        "2.eml": letter("Thank you", START, From="bo@beta.example", Subject="Re: news"),
        "3.eml": absent,
        "4.eml": b"\xff\x00",
    }.items():
        (folder / name).write_bytes(raw)
    return folder


def ran(*words: str) -> Result:
    return CliRunner().invoke(
        program, ["intake", "mail", *words], prog_name="nurture", catch_exceptions=False
    )


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_outside_of_a_workspace_files_are_only_read(
    letters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = [str(path) for path in sorted(letters.iterdir())]
    result = ran(*files, "--json")
    assert result.exit_code == 0
    found = lines(result)
    assert [line["class"] for line in found] == ["hard", "reply", "auto_reply", "other"]
    assert found[0] == {
        "file": files[0], "class": "hard", "status": "5.1.1", "reason": found[0]["reason"],
        "recipient": "ada@acme.example", "touch": None,
    }  # fmt: skip
    assert [line["file"] for line in found] == files
    told = ran(str(letters))
    assert "hard" in told.stdout and "1 hard, 1 reply, 1 auto_reply, 1 other" in told.stderr
    assert "nothing was recorded" in told.stderr


def test_folders_maildirs_and_mboxes_are_read_and_what_cannot_be_is_told(
    letters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    raws = [path.read_bytes() for path in sorted(letters.iterdir())[:3]]
    box = mailbox.mbox(tmp_path / "box")
    maildir = mailbox.Maildir(tmp_path / "maildir")
    for raw in raws:
        box.add(message_from_bytes(raw))
        maildir.add(raw)
    box.close()
    before = (tmp_path / "box").read_bytes()
    result = ran(str(letters), "box", "maildir", "nowhere", "--json")
    assert result.exit_code == 2
    found = [line["class"] for line in lines(result)]
    assert found[:7] == ["hard", "reply", "auto_reply", "other", "hard", "reply", "auto_reply"]
    assert sorted(found[7:]) == ["auto_reply", "hard", "reply"]
    assert [line["file"] for line in lines(result)][4:7] == ["box#1", "box#2", "box#3"]
    assert result.stderr.splitlines() == ["nowhere: No such file or directory"]
    assert (tmp_path / "box").read_bytes() == before


def test_in_a_workspace_what_they_say_is_recorded_once(place: Place, letters: Path) -> None:
    place.ok("intake", "mail", str(letters), "--dry-run")
    assert place.ok("intake", "list", "--json").data == []
    for _ in range(2):
        place.ok("intake", "mail", str(letters))
    listed = place.ok("intake", "list", "--json").data
    assert [row["kind"] for row in reversed(listed)] == ["bounced", "replied", "away", "other"]
    assert all(row["prospect"] is None and row["touch"] is None for row in listed), "nothing is signed"
    assert [row["kind"] for row in place.ok("intake", "list", "--kind", "away", "--json").data] == ["away"]
    number = str(listed[2]["number"])
    assert "Thank you" in place.ok("intake", "show", number).out
    assert place.ok("intake", "show", number, "--raw").out.startswith("Date: ")
    assert place.run("intake", "show", "99").code == 1


def test_the_address_for_copies_needs_a_domain(place: Place) -> None:
    assert "[mailbox] domain" in place.run("intake", "address").err
    with (place.folder / "nurture.toml").open("a") as file:
        file.write('\n[mailbox]\ndomain = "back.matchlight.example"\n')
    said = place.ok("intake", "address").out.strip()
    assert said.startswith("s+") and said.endswith("@back.matchlight.example")
    assert place.ok("intake", "address").out.strip() == said
