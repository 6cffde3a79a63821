"""What every answer of the public app has in common."""

import sqlite3

import pytest

from nurture.web.page import HEADERS


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/thanks", 200),
        ("GET", "/f/demo", 200),
        ("POST", "/f/demo", 422),
        ("GET", "/c/nonsense", 404),
        ("GET", "/u/nonsense", 404),
        ("GET", "/", 404),
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/c/" + "x" * 5000, 404),
        ("POST", "/thanks", 405),
        ("POST", "/p/", 400),
    ],
)
def test_every_answer_carries_the_headers_and_no_cookie(world, method, path, status):
    answer = world.client.request(method, path)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert "set-cookie" not in answer.headers


def test_a_bug_is_a_page_without_a_trace(world):
    def broken(*asked):
        raise RuntimeError("the secret is 42")

    answer = world.again(destination=broken).client.get(f"/c/{world.sign('c', link=1)}")
    assert answer.status_code == 500
    assert "42" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/c/{}", "/u/{}/preferences"])
def test_what_the_driver_itself_says_of_a_full_disk_is_not_now(world, monkeypatch, path):
    """The hottest statements go straight to the driver, past SQLAlchemy and its errors."""

    def full(*asked, **more):
        raise sqlite3.OperationalError("database or disk is full")

    for way in ("write", "aread"):
        monkeypatch.setattr(type(world.needs.store), way, full)
    answer = world.client.get(path.format(world.sign("c" if "/c/" in path else "u", link=1)))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "60"


def test_not_ready_while_the_store_cannot_be_read(world, tmp_path):
    from nurture.store import Store

    with Store(f"sqlite:///{tmp_path}/no/such/folder/nurture.db") as gone:
        lost = world.again(store=gone)
        assert lost.client.get("/healthz").status_code == 200
        assert lost.client.get("/readyz").status_code == 503


def test_the_style_of_the_pages_is_the_one_the_policy_allows(world):
    from base64 import b64encode
    from hashlib import sha256

    text = world.client.get("/thanks").text
    style = text.partition("<style>")[2].partition("</style>")[0]
    assert b64encode(sha256(style.encode()).digest()).decode() in HEADERS["Content-Security-Policy"]


def test_secrets_are_not_in_the_repr_of_what_the_app_needs(world):
    assert "ssss" not in repr(world.needs)
    assert "tttt" not in repr(world.needs)
