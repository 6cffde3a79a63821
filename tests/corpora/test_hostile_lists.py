"""A hundred hostile lists: each is read or refused with a sentence, in bounded time and memory."""

import gzip
import io
import time
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from nurture.errors import Mistake
from nurture.intake.csv import open_table
from nurture.intake.mapfile import read_map
from nurture.intake.mapping import Map, Refusal
from nurture.store import Listed
from tests.intake.test_mapfile import NOW, plan

pytestmark = pytest.mark.slow
"""Each is a monster: for `make test-all`."""

MAP = (
    b"email: Email\nsource: s\nbasis: consent\ndate: 2026-02-01\n"
    b"columns: {First: first_name, Size: employees}\n"
)
HEAD = "Email,First,Size\n"
GOOD = "ada@acme.example,Ada,5\n"
MB = 1_000_000


def _zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../../etc/passwd.csv", HEAD + GOOD)
    return packed.getvalue()


TEXT = (HEAD + GOOD) * 20
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1", "cp037",
             "utf-7", "shift-jis", "gb18030", "koi8-r", "cp437", "mac-roman")  # fmt: skip
ACCENTED = HEAD + "ada@acme.example,Zoë,5\nben@acme.example,Ærøskøbing,6\n"
CELLS = (
    '"', '""', '"""', '"a""', "'", "\\", '\\"', "=1+1", "+1", "-1", "@SUM(A1)", "\t", "＝1",
    "\u202e", "\ufeff", "\u2028", "\x85", "\x0b", "\x0c", "\x1c", "\x7f", "\ud7ff", "\U0010ffff",
    "{{7*7}}", "{% for %}", "<script>", "%s%n", "../../x", "Robert'); DROP TABLE prospects;--",
    "\r", "a\rb", '"\n"', '"\r\n', "a" * 1001, "😀" * 400, "e\u0301" * 300,
    "null", "NaN", "-0", "1e999", "9" * 5000, "\x00", "a\x00b",
)  # fmt: skip
ADDRESSES = (
    "pаypal@acme.example", "ada@аcme.example", "ada@xn--.example", "ada@xn--a.example",
    "ada@" + "ß" * 60 + ".example", "ada@acme.example\n", "=ada@acme.example", "ada@acme.example\u200b",
    "@", "@@", "a@b", "ada@acme.example;x@y.example",
)  # fmt: skip
LISTS: dict[str, bytes] = {
    **{f"in {encoding}": ACCENTED.encode(encoding, "replace") for encoding in ENCODINGS},
    **{f"cell {cell[:12]!r}": (HEAD + f"ada@acme.example,{cell},5\n" + GOOD).encode() for cell in CELLS},
    **{
        f"number {cell[:12]!r}": (HEAD + f"ada@acme.example,A,{cell}\n" + GOOD).encode()
        for cell in CELLS[::3]
    },
    **{f"address {text!r}": (HEAD + f'"{text}",A,5\n' + GOOD).encode() for text in ADDRESSES},
    "empty": b"",
    "only a header": HEAD.encode(),
    "only line ends": b"\r\n\n\r" * 1000,
    "only delimiters": b",,,,\n" * 1000,
    "a zip that climbs": _zip(),
    "a bomb": gzip.compress(b"\0" * 300 * MB, compresslevel=1),
    "a bomb of text": gzip.compress(HEAD.encode() + b"x" * 300 * MB, compresslevel=1),
    "a bomb of lines": gzip.compress(HEAD.encode() + b"\n" * 50 * MB, compresslevel=1),
    "cut gzip": gzip.compress(TEXT.encode())[:40],
    "one huge line": b"x" * 30 * MB,
    "a huge header": ",".join(f"column{n}" for n in range(200_000)).encode() + b"\n1\n",
    "a huge quoted cell": HEAD.encode() + b'ada@acme.example,"' + b"y\n" * 2 * MB + b'",5\n' + GOOD.encode(),
    "quotes never closed": HEAD.encode() + b'"a",b,"c\n' * 100_000,
    "a quote in each line": HEAD.encode() + b'x",y,"z\n' * 300_000,
    "very many cells": HEAD.encode() + b"," * 5 * MB + b"\n" + GOOD.encode(),
    "the same header thrice": (HEAD.strip() + "," + HEAD.strip() + "," + HEAD + GOOD).encode(),
    "random bytes": bytes((n * 7919 + n // 251) % 256 for n in range(100_000)),
}


def test_there_are_a_hundred() -> None:
    assert len(LISTS) >= 100


@pytest.mark.parametrize("name", LISTS)
def test_a_hostile_list(tmp_path: Path, name: str) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(LISTS[name])
    begun = time.process_time()
    tracemalloc.start()
    try:
        table = open_table(path)
        map = read_map("map.yaml", MAP, table.header, plan())
        if isinstance(map, Map):
            good = 0
            for row in table.rows():
                heard = map.hear(row.cells, NOW) if not row.problem else None
                assert not isinstance(heard, Refusal) or heard.reason
                good += isinstance(heard, Listed)
            if name.startswith(("cell", "number", "address")):
                assert good, "the good row beside it goes in"
    except Mistake as told:
        assert "list.csv" in str(told)
        assert "\n" not in str(told)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 256 * MB
    assert time.process_time() - begun < 60, "no endless reading"
