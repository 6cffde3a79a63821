"""CSV as it comes: encodings, delimiters, and rows that cannot be read beside rows that can."""

import codecs
import gzip
import tracemalloc
from functools import partial
from pathlib import Path

import pytest

from nurture.errors import Mistake
from nurture.intake.csv import Row, bare, defused, open_table
from nurture.intake.lines import LARGEST_ROW

TEXT = "Name,City\nZoë,Köln\nAnn,Łódź\n"

compressed = partial(gzip.compress, mtime=0)
"""The same bytes every time: they name tests, and every worker must find the same ones."""


def written(tmp_path: Path, content: bytes, name: str = "list.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def rows(tmp_path: Path, content: bytes | str) -> list[Row]:
    raw = content.encode() if isinstance(content, str) else content
    return list(open_table(written(tmp_path, raw)).rows())


@pytest.mark.parametrize(
    "raw",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-32"),
        compressed(TEXT.encode()),
        compressed(TEXT.encode("utf-16")),
    ],
)
def test_the_same_list_in_every_encoding(tmp_path: Path, raw: bytes) -> None:
    table = open_table(written(tmp_path, raw))
    assert table.header == ("Name", "City")
    assert list(table.rows()) == [Row(2, ["Zoë", "Köln"]), Row(3, ["Ann", "Łódź"])]
    assert list(table.rows()) == [Row(2, ["Zoë", "Köln"]), Row(3, ["Ann", "Łódź"])], "a second time"


def test_windows_1252_where_it_is_not_utf_8_however_late_that_shows(tmp_path: Path) -> None:
    path = written(tmp_path, b"Name\n" + b"Ann\n" * 50_000 + "Zoë €\n".encode("cp1252"))
    table = open_table(path)
    assert table.encoding == "cp1252"
    assert list(table.rows())[-1].cells == ["Zoë €"]


def test_a_byte_of_no_encoding_costs_its_row(tmp_path: Path) -> None:
    first, second = rows(tmp_path, b"Name,City\nZo\xeb,K\xf6ln\nA\x81,B\n")
    assert first.problem == ""
    assert "UTF-8" in second.problem


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_found(tmp_path: Path, delimiter: str) -> None:
    text = 'a~b~c\n1~"x~y"~"2,5; |"\n3~~4\n'.replace("~", delimiter)
    assert [row.cells for row in rows(tmp_path, text)] == [["1", f"x{delimiter}y", "2,5; |"], ["3", "", "4"]]


def test_excels_own_first_line_names_the_delimiter(tmp_path: Path) -> None:
    table = open_table(written(tmp_path, b"sep=;\r\na;b\r\n1,2,3;4\r\n"))
    assert table.header == ("a", "b")
    assert [row.cells for row in table.rows()] == [["1,2,3", "4"]]


def test_one_column_is_a_list_too(tmp_path: Path) -> None:
    assert [row.cells for row in rows(tmp_path, "Email\na@x.io\nb@x.io\n")] == [["a@x.io"], ["b@x.io"]]


def test_old_macs_end_lines_with_a_carriage_return(tmp_path: Path) -> None:
    assert [row.cells for row in rows(tmp_path, "a,b\r1,2\r3,4\r")] == [["1", "2"], ["3", "4"]]


def test_rows_count_as_a_spreadsheet_counts_them(tmp_path: Path) -> None:
    found = rows(tmp_path, 'a,b\n\n1,"two\nlines"\n\n\n3,4')
    assert [row.number for row in found] == [3, 6]


def test_ragged_rows_say_how_many_cells_they_have(tmp_path: Path) -> None:
    short, good, long = rows(tmp_path, "a,b,c\n1,2\n1,2,3\n1,2,3,4\n")
    assert "2 cells, the header 3" in short.problem
    assert good == Row(3, ["1", "2", "3"])
    assert "4 cells, the header 3" in long.problem


def test_a_nul_costs_its_row(tmp_path: Path) -> None:
    bad, good = rows(tmp_path, b"a,b\n1,\x00\n3,4\n")
    assert "NUL" in bad.problem
    assert good.cells == ["3", "4"]


@pytest.mark.parametrize("end", ["", "\n"])
def test_an_unclosed_quotation_mark_costs_its_own_line_only(tmp_path: Path, end: str) -> None:
    found = rows(tmp_path, f'a,b\n1,2\n3,"4\n5,6\n7,"8"\n9,10{end}')
    assert [row.cells for row in found if not row.problem] == [
        ["1", "2"],
        ["5", "6"],
        ["7", "8"],
        ["9", "10"],
    ]
    (bad,) = (row for row in found if row.problem)
    assert bad.number == 3
    assert bad.cells == ['3,"4']


def test_a_cell_of_ten_megabytes_costs_its_row(tmp_path: Path) -> None:
    found = rows(tmp_path, "a,b\n1," + "x" * (LARGEST_ROW + 5_000_000) + "\n3,4\n")
    assert [bool(row.problem) for row in found] == [True, False]
    assert "10 MB" in found[0].problem
    assert len(found[0].cells[0]) <= 1000
    assert found[1].cells == ["3", "4"]


def test_quotation_marks_that_never_close_end_the_reading_soon(tmp_path: Path) -> None:
    line = 'a",b,"' + "c" * 1000 + "\n"
    path = written(tmp_path, ("x,y\n" + '"' + line * 40_000).encode())
    with pytest.raises(Mistake, match="quotation mark"):
        list(open_table(path).rows())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n\n  \n", "is empty"),
        (codecs.BOM_UTF8, "is empty"),
        (compressed(b""), "is empty"),
        (b"PK\x03\x04" + b"\0" * 100, "spreadsheet or a zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100, "old Excel"),
        (b"%PDF-1.7\n", "a PDF"),
        (compressed(compressed(b"a,b\n1,2\n")), "packed twice"),
        (bytes(range(256)) * 100, "not text"),
        ("a,b\n1,2\n".encode("utf-16-le"), "not text"),
        (compressed(b"a,b\n1,2\n")[:-12], "damaged gzip"),
        (compressed(b"a,b\n" * 9999, mtime=0)[:30] + b"\x99" * 50, "damaged gzip"),
        (codecs.BOM_UTF16_LE + b"a\x00,\x00\x00\xd8\x00\xd8x", "damaged"),
        (b'"a,b\n1,2\n', "names of the columns"),
        (b"\n1,2\n", "names of the columns"),
    ],
)
def test_a_file_that_is_no_list_is_one_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(Mistake, match=says):
        list(open_table(written(tmp_path, content)).rows())


@pytest.mark.parametrize(("line", "says"), [(b"\n", "blank"), (b"x\n", "1 cells, the header 2")])
def test_a_file_of_nothing_but_useless_lines_is_no_list(tmp_path: Path, line: bytes, says: str) -> None:
    path = written(tmp_path, b"a,b\n1,2\n" + line * 150_000)
    with pytest.raises(Mistake, match=f"no list.*{says}"):
        list(open_table(path).rows())


def test_a_list_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="Cannot read"):
        open_table(tmp_path / "no.csv")
    with pytest.raises(Mistake, match="is a folder"):
        open_table(tmp_path)


def test_a_small_packed_file_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = written(tmp_path, compressed(b"a,b\n" + b"x" * 200_000_000, compresslevel=1), "bomb.csv.gz")
    tracemalloc.start()
    found = list(open_table(path).rows())
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [bool(row.problem) for row in found] == [True]
    assert most < 100_000_000


@pytest.mark.parametrize("sign", list("=+-@＝＋－＠"))
def test_a_cell_that_a_spreadsheet_would_run_is_defused_and_comes_back(sign: str) -> None:
    assert defused(f"{sign}cmd|' /C calc'!A0").startswith("'")
    assert bare(defused(f"{sign}1")) == f"{sign}1"
    assert defused("plain") == "plain"
    assert bare("'quoted'") == "'quoted'"
