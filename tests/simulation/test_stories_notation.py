"""What cannot be read or played is told with its place, and what to write instead; never with a traceback."""

import os
import sys
from datetime import date
from functools import cache
from pathlib import Path
from random import Random
from subprocess import CompletedProcess, run

import pytest

from nurture.authoring import load, read_files
from nurture.core.programme import Programme
from nurture.simulation.rehearsal import Played, play
from nurture.simulation.stories import DECIDED, LARGEST, OBSERVED, StoryProblem, read, read_file

ROOT = Path(__file__).parent.parent.parent
START = "start: 2026-10-05 09:00 Europe/London\n"
WHO = "who: role controller, employees 400, source search-duplicates, kind content\n"
HEAD = START + WHO + "---\n"
NURTURE = [sys.executable, "-m", "nurture.cli"]

BAD = [
    ("", "x.story:1:1  the story does not say when it starts  write: start: 2026-03-02 08:00 Europe/London"),
    ("start: soon\n---\nday 0 end\n", 'x.story:1:8  "soon" is no start'),
    ("start: 2026-10-05 09:00 Mars/Olympus\n---\nday 0 end\n", "x.story:1:8  "),
    ("start: 1815-10-05 09:00 Europe/London\n---\nday 0 end\n", "x.story:1:8  "),
    (START + "sender: nora\n---\nday 0 end\n", 'x.story:2:1  "sender: nora" is no head line'),
    (START + START + "---\nday 0 end\n", "x.story:2:1  start is said twice"),
    (START + "---\n", "x.story:1:1  the story has no lines"),
    (START + "who: role, employees 3\n---\nday 0 end\n", 'x.story:2:6  "role" has no value'),
    (START + "who: employees 3, employees 4\n---\nday 0 end\n", 'x.story:2:19  "employees" is given twice'),
    (
        START + "who: source list, emploees 3\n---\nday 0 end\n",
        'x.story:2:19  "emploees" is no declared attribute  write: employees',
    ),
    (START + "who: employees many\n---\nday 0 end\n", 'x.story:2:6  "many" is no number'),
    (START + "who: customer perhaps\n---\nday 0 end\n", 'x.story:2:6  "perhaps" is no flag'),
    (START + "who: contract_end soon\n---\nday 0 end\n", 'x.story:2:6  "soon" is no date'),
    (START + "who: role contoller\n---\nday 0 end\n", '"contoller" is no value of role  write: controller'),
    (START + "who: kind magazine\n---\nday 0 end\n", 'x.story:2:6  "magazine" is no kind of source'),
    (START + "who: basis hope\n---\nday 0 end\n", 'x.story:2:6  "hope" is no ground for writing'),
    (HEAD + "on day 2 he clicked\n", "x.story:4:1  not a journey line  write: day 2  clicked  /pricing"),
    (HEAD + "day 2  cliked  /pricing\n", 'x.story:4:8  "cliked" is no verb  write: clicked'),
    (HEAD + "day 2 25:00 viewed /pricing\n", "x.story:4:1  25:00 is no time of day"),
    (HEAD + "day 99999  end\n", "x.story:4:1  day 99999 is too far away"),
    (HEAD + "day 5 viewed /pricing\nday 3 viewed /vs\n", "x.story:5:7  day 3 stands below day 5"),
    (HEAD + "day 5 viewed /a\nday 5 09:00 viewed /b\n", "x.story:5:13  day 5 09:00 stands below day 5 12:00"),
    (HEAD + "day 5 end\nday 6 viewed /pricing\n", "x.story:4:7  end is not the last line"),
    (HEAD + "day 0 08:00 viewed /pricing\n", "x.story:4:13  is before the story starts"),
    (HEAD + "day 1  viewed  duplicate-hant\n", "x.story:4:16  "),
    (HEAD + "day 1  viewed\n", "x.story:4:8  "),
    (HEAD + "day 1  form  dmeo\n", 'x.story:4:14  "dmeo" is no declared form  write: demo'),
    (HEAD + "day 1  consumed  pilots\n", 'x.story:4:18  "pilots" is no piece  write: pilot'),
    (HEAD + "day 1  learned  rol controller\n", 'x.story:4:17  "rol" is no declared attribute  write: role'),
    (HEAD + "day 1  learned\n", "x.story:4:8  learned what?  write: learned  role controller"),
    (HEAD + "day 1  happened\n", "x.story:4:8  happened what?"),
    (HEAD + "day 1  held  until Friday\n", 'x.story:4:14  "until Friday" is no day'),
    (HEAD + "day 1  away  Friday\n", 'x.story:4:14  "Friday" is no day  write: away  until day 24'),
    (HEAD + "day 1  declined  until day x\n", 'x.story:4:18  "until day x" is no day'),
    (HEAD + "day 1  preferred  withot cost\n", 'x.story:4:19  "withot" is no wish  write: without'),
    (HEAD + "day 1  preferred  without costs\n", 'x.story:4:19  "costs" is no topic  write: cost'),
    (HEAD + "day 1  preferred  gap often\n", 'x.story:4:19  "often" is no number of days  write: gap 14'),
    (HEAD + "day 1  preferred  paused long\n", 'x.story:4:19  "long" is no day  write: until day 24'),
    (HEAD + "day 1  unsubscribed  new-leads\n", 'x.story:4:22  "new-leads" names no sequence'),
    (HEAD + "day 1  unsubscribed  from new-lead\n", "no sequence  write: new-leads"),
    (HEAD + "day 1  consented  to all\n", 'x.story:4:19  "all" is no sequence'),
    (START + "who: given yesterday\n---\nday 0  end\n", '"yesterday" is no date  write: given 2026-04-12'),
    (HEAD + "day 1  bounced  loudly\n", 'x.story:4:17  "loudly" is no kind of bounce'),
    (HEAD + "day 1  consented  hope\n", 'x.story:4:19  "hope" is no ground for writing'),
    (HEAD + "day 1  retracted  viewed /a\n", 'x.story:4:19  nothing was played before as "viewed /a"'),
    (HEAD + "day 1  entered  sorce list\n", 'x.story:4:17  "sorce" is no word of entering  write: source'),
    (
        HEAD + "day 1  form  demo\nday 1  rejected  ugly\n",
        'x.story:5:18  "ugly" is no reason for rejected  write: one of not_icp, duplicate, bad_data, ',
    ),
]


@cache
def programme() -> Programme:
    loaded = load(read_files(ROOT), today=date(2026, 10, 1))
    assert loaded.workspace is not None
    return loaded.workspace.programme


def played(text: str) -> Played:
    return play(read("x.story", text), programme())


@pytest.mark.parametrize(("text", "said"), BAD, ids=range(len(BAD)))
def test_a_bad_story_is_told_with_its_place(text: str, said: str) -> None:
    with pytest.raises(StoryProblem) as problem:
        played(text)
    words = str(problem.value)
    assert said in words
    assert words.startswith("x.story:") and "  write: " in words and "\n" not in words


def test_random_damage_is_a_sentence_or_a_journey_and_never_anything_else() -> None:
    random = Random(20261005)
    whole = (ROOT / "stories/retracted-by-a-machine.story").read_text(encoding="utf-8")
    for _ in range(300):
        cut = random.randrange(len(whole))
        text = whole[:cut] + random.choice(["", "  ", "day 9", ",", "\x00", "９", "---\n"]) + whole[
            cut + random.randrange(4) :
        ]  # fmt: skip
        try:
            played(text)
        except StoryProblem as problem:
            assert "\n" not in str(problem)


def test_what_is_not_written_and_what_does_not_come_are_both_told() -> None:
    nothing = played(HEAD + "day 0  end\n")
    assert [line.split("  ")[0] for line in nothing.differences] == [
        "x.story: not written, but came out: day 0",
        "x.story: not written, but came out: day 0",
    ]
    lines = "day 0  enrolled  new-leads\nday 0  sent  early/duplicate-hunt\nday 1  promoted  to sales\n"
    assert played(HEAD + lines).differences == ("x.story:6: did not come out: day 1 promoted to sales",)


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("day 0  sent  early/duplicate-hunt", True),
        ("day 0 09:00  sent  early/duplicate-hunt", True),
        ("day 0 09:01  sent  early/duplicate-hunt", False),
        ("day 1  sent  early/duplicate-hunt", False),
        ("day 0  sent  early/five-causes", False),
        ("day 0  sent", True),
        (
            "day 0  sent  early/duplicate-hunt  first unseen in early about control, which the source names",
            True,
        ),
        ("day 0  sent  early/duplicate-hunt  first unseen in early", False),
    ],
)
def test_a_line_is_compared_as_far_as_it_is_written(line: str, right: bool) -> None:
    differences = played(HEAD + f"day 0  enrolled\n{line}\n").differences
    assert (differences == ()) is right


def test_lines_are_played_at_noon_unless_they_say() -> None:
    lines = "day 0  enrolled\nday 0  sent\nday 1 15:30  form  demo\nday 2  learned  industry wholesale, "
    head = START + "who: role controller, source list, kind content\n---\n"
    assert played(head + lines + "invoices 900\nday 2 12:00  promoted\n").differences == ()
    assert played(head + lines + "invoices 900\nday 2 15:30  promoted\n").differences != ()


def test_a_message_told_as_chosen_stays_on_its_way() -> None:
    on_its_way = played(HEAD + "day 0  enrolled\nday 0  chosen  early/duplicate-hunt\nday 30  end\n")
    assert on_its_way.differences == ()


def test_every_verb_is_documented() -> None:
    page = (ROOT / "docs/stories.md").read_text(encoding="utf-8")
    assert [verb for verb in (*DECIDED, *OBSERVED) if f"`{verb}" not in page] == []


def test_a_file_too_large_or_not_text_is_told(tmp_path: Path) -> None:
    large, binary = tmp_path / "large.story", tmp_path / "binary.story"
    large.write_bytes(b"#" * (LARGEST + 1))
    binary.write_bytes(bytes(range(256)))
    with pytest.raises(StoryProblem, match=r"large\.story:1:1  is larger than 100000 bytes"):
        read_file(large)
    with pytest.raises(StoryProblem, match=r"binary\.story:1:1  is not UTF-8 text"):
        read_file(binary)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    folder, lost = tmp_path / "folder.story", tmp_path / "lost.story"
    folder.mkdir()
    lost.symlink_to(tmp_path / "nowhere")
    for file in (folder, lost):
        with pytest.raises(StoryProblem, match=rf"{file.name}:1:1  cannot be read: "):
            read_file(file)


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    file = tmp_path / "windows.story"
    text = HEAD + "day 0  enrolled  new-leads\nday 0  sent  early/duplicate-hunt\n"
    file.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert play(read_file(file), programme()).differences == ()


# Through the command line ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work") / "myco"
    assert nurture(folder.parent, "init", "myco").returncode == 0
    return folder


def nurture(folder: Path, *words: str) -> CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return run([*NURTURE, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_stories_of_a_new_workspace_pass(workspace: Path) -> None:
    ended = nurture(workspace, "test")
    count = len(list((ROOT / "stories").glob("*.story")))
    assert ended.returncode == 0
    assert f"{count} stories, {count} as written, 0 not" in ended.stdout
    assert "ok     stories/evaluator.story" in ended.stdout
    assert "Next: nurture apply" in ended.stderr


def test_a_story_that_fails_is_shown_whole_and_the_exit_code_is_1(workspace: Path) -> None:
    wrong = workspace / "wrong.story"
    text = (workspace / "stories/evaluator.story").read_text(encoding="utf-8")
    wrong.write_text(text.replace("intent 43.4, timing", "intent 44.4, timing"), encoding="utf-8")
    ended = nurture(workspace, "test", "wrong.story", "stories/webinar.story")
    assert ended.returncode == 1
    assert "FAILED wrong.story" in ended.stdout
    assert "wrong.story:16: came out as: day 5   promoted     to sales (grade A, intent 43.4" in ended.stdout
    assert "day 2   viewed       /vs/spreadsheets" in ended.stdout  # the whole journey of what failed
    assert "month-end" not in ended.stdout  # not that of what passed
    assert "2 stories, 1 as written, 1 not" in ended.stdout


def test_a_story_that_cannot_be_read_fails_with_its_place(workspace: Path) -> None:
    (workspace / "typo.story").write_text(HEAD + "day 2  cliked  /pricing\n", encoding="utf-8")
    ended = nurture(workspace, "test", "typo.story")
    assert ended.returncode == 1
    assert 'typo.story:4:8  "cliked" is no verb  write: clicked' in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr


def test_verbose_prints_the_journeys_of_those_that_pass(workspace: Path) -> None:
    ended = nurture(workspace, "test", "-v", "stories/webinar.story")
    assert ended.returncode == 0
    assert "day 1   moved        early -> mid" in ended.stdout


def test_no_stories_is_a_sentence(workspace: Path, tmp_path: Path) -> None:
    ended = nurture(workspace, "test", str(tmp_path))
    assert ended.returncode == 1
    assert ended.stderr.startswith("Error: there are no stories here")


def test_playing_stores_nothing(workspace: Path) -> None:
    assert not (workspace / "nurture.db").exists()
