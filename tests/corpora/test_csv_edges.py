"""The CSV edge cases that other parsers are tested with, and cells full of naughty strings."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from nurture.intake.csv import open_table

EDGE = Path(__file__).parents[3] / "shared" / "data" / "edge"
SPECTRUM = EDGE / "csv_spectrum"

pytestmark = pytest.mark.skipif(not EDGE.is_dir(), reason="needs ../shared/data/edge beside the repository")

CASES = sorted((SPECTRUM / "csvs").glob("*.csv"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_csv_spectrum(path: Path) -> None:
    table = open_table(path)
    found = [dict(zip(table.header, row.cells, strict=True)) for row in table.rows()]
    expected: Any = json.loads((SPECTRUM / "json" / f"{path.stem}.json").read_text("utf-8"))
    if path.stem == "location_coordinates":
        # Its answer is an object, and names another telephone number than its list.
        assert found[0].pop("Contact Phone Number") == "2095257564"
        expected.pop("Contact Phone Number")
        expected = [expected]
    assert found == expected


def test_every_case_of_the_spectrum_was_run() -> None:
    assert len(CASES) == 12


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_naughty_strings_come_back_as_they_are(tmp_path: Path, encoding: str, delimiter: str) -> None:
    naughty = json.loads((EDGE / "naughty_strings.json").read_text("utf-8"))
    path = tmp_path / "naughty.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(["number", "text"])
        writer.writerows(enumerate(naughty))
    table = open_table(path)
    assert table.delimiter == delimiter
    found = list(table.rows())
    good = [text for text in naughty if "\0" not in text]
    assert [row.cells[1] for row in found if not row.problem] == good
    assert len(found) == len(naughty)
