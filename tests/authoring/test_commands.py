"""`nurture init`, `check` and `schema`: from a checkout, and from the built wheel outside it."""

import json
import os
import stat
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nurture import clock
from nurture.cli import check, init, schema
from nurture.errors import Mistake
from tests.authoring.small import FILES, TODAY

ROOT = Path(__file__).parents[2]
SHIPPED = ("agreement.yaml", "nurture.toml", "programme.yaml", "sequences", "stories", "templates")

ALIGNED = """\
agreement.yaml:9:50   intent.pricing.cap              the cap, 4, is below the points, 15  (at least 15)
agreement.yaml:22:31  answers.recycled.not_now.stage  there is no stage "md"  (did you mean "mid"?)
programme.yaml:20:8   pace.gap                        "3 dayz" is not a duration  (try "3 days")
"""


def _written(folder: Path, **changes: str) -> Path:
    for file, text in {**FILES, **changes}.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def _check(folder: Path) -> Result:
    with clock.virtual(datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC)):
        return CliRunner().invoke(check.command, [str(folder)], catch_exceptions=False)


def test_check_of_a_good_workspace(tmp_path: Path) -> None:
    result = _check(_written(tmp_path))
    assert result.exit_code == 0
    assert result.stdout.startswith("ok: 2 pieces, 1 sequence, 7 signals, agreement v3 (programme ")
    assert result.stderr == "Next: nurture test  (play the stories), then nurture demo\n"


def test_check_shows_everything_at_once_aligned_and_sorted(tmp_path: Path) -> None:
    changes = {
        "programme.yaml": FILES["programme.yaml"].replace("gap: 3 days", "gap: 3 dayz"),
        "agreement.yaml": FILES["agreement.yaml"]
        .replace("cap: 40", "cap: 4")
        .replace("stage: mid", "stage: md"),
    }
    result = _check(_written(tmp_path, **changes))
    assert result.exit_code == 1
    assert result.stdout == ALIGNED
    assert result.stderr == "3 problems\n"


def test_check_shows_warnings_and_passes(tmp_path: Path) -> None:
    overdue = FILES["agreement.yaml"].replace("review_by: 2026-04-12", "review_by: 2026-02-12")
    result = _check(_written(tmp_path, **{"agreement.yaml": overdue}))
    assert result.exit_code == 0
    assert "agreement.yaml:2:72  agreed.review_by  warning: the review is overdue" in result.stdout
    assert "ok: 2 pieces" in result.stdout


def test_check_warns_of_long_pieces_and_of_branching_ones(tmp_path: Path) -> None:
    name = "templates/mid/compare.md"
    branching = "{% if prospect.first_name %}\nHi\n{% endif %}\n"
    long = FILES[name] + "\n" + "word " * 21_000 + "\n\n" + branching
    result = _check(_written(tmp_path, **{name: long}))
    assert result.exit_code == 0
    told = [line for line in result.stdout.splitlines() if line.startswith(name)]
    assert "warning: the HTML has 10" in told[0] and "from 102 KB on" in told[0]
    assert f"{name}:{long.count(chr(10)) - 2}:1 " in told[1]
    assert "warning: the text branches, so each message is written anew" in told[1]


def test_check_outside_a_workspace(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="is no workspace"):
        _check(tmp_path)


def test_init_then_check(tmp_path: Path) -> None:
    folder = tmp_path / "my" / "company"
    result = CliRunner().invoke(init.command, [str(folder)], catch_exceptions=False)
    assert result.exit_code == 0
    assert f"Next: cd {folder} && nurture check" in result.stderr
    assert stat.S_IMODE((folder / "secrets.toml").stat().st_mode) == 0o600
    assert "secrets.toml" in (folder / ".gitignore").read_text().splitlines()
    assert {path.name for path in folder.iterdir()} == {*SHIPPED, "secrets.toml", ".gitignore"}
    assert _check(folder).exit_code == 0


def test_init_refuses_a_folder_with_something_in_it(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(Mistake, match="is not empty; name a new folder"):
        CliRunner().invoke(init.command, [str(tmp_path)], catch_exceptions=False)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_init_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(Mistake, match="cannot be written"):
        CliRunner().invoke(init.command, [str(tmp_path / "file" / "x")], catch_exceptions=False)


def test_schema_prints_or_writes(tmp_path: Path) -> None:
    printed = CliRunner().invoke(schema.command, [], catch_exceptions=False)
    assert set(json.loads(printed.stdout)) == {"programme", "agreement", "sequence", "front-matter"}
    out = tmp_path / "schemas"
    written = CliRunner().invoke(schema.command, ["--out", str(out)], catch_exceptions=False)
    assert written.exit_code == 0
    for file in out.iterdir():
        name = file.name.removesuffix(".schema.json")
        assert json.loads(file.read_text(encoding="utf-8")) == json.loads(printed.stdout)[name]
    assert len(list(out.iterdir())) == 4


def _outside(code_at: Path, here: Path) -> None:
    """`nurture init x && cd x && nurture check`, in another folder, with the code found at one place."""
    environment = {**os.environ, "PYTHONPATH": str(code_at), "PYTHONDONTWRITEBYTECODE": "1"}
    nurture = [sys.executable, "-m", "nurture.cli"]
    where = [sys.executable, "-c", "import nurture; print(nurture.__file__)"]
    found = subprocess.run(where, cwd=here, env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.startswith(str(code_at))
    subprocess.run([*nurture, "init", "x"], cwd=here, env=environment, check=True, capture_output=True)
    checked = subprocess.run(
        [*nurture, "check"], cwd=here / "x", env=environment, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout.startswith("ok: ")


def test_from_the_checkout(tmp_path: Path) -> None:
    _outside(ROOT, tmp_path)


@pytest.mark.slow
def test_from_the_wheel(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="building the wheel needs hatchling: pip install hatchling")
    built, unpacked, here = (tmp_path / name for name in ("built", "unpacked", "here"))
    here.mkdir()
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    assert {path.name for path in (unpacked / "nurture" / "shipped").iterdir()} >= {*SHIPPED, "migrations"}
    _outside(unpacked, here)
