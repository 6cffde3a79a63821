"""The server itself: what it takes from strangers before any page of ours is asked."""

import asyncio

import pytest

from nurture.web import serving as served
from nurture.web.serving import LARGEST_HEAD, serving

MEGABYTE = b"a" * 1_000_000


async def plain(scope, receive, send):
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def talked(*pieces):
    """What the server says to these, and how many of them it took before it hung up."""

    async def talk():
        async with serving(plain, "127.0.0.1", 0) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            taken = 0
            try:
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    taken += 1
                    await asyncio.sleep(0.01)
                said = await asyncio.wait_for(reader.read(1_000), 5)
            except ConnectionError:
                said = b""
            writer.close()
            return said, taken

    return asyncio.run(talk())


@pytest.mark.parametrize("begun", [b"GET / HTTP/1.1\r\nx: ", b"GET /"])
def test_a_head_without_an_end_is_hung_up_on(begun):
    _, taken = talked(begun, *[MEGABYTE] * 30)
    assert taken < 15


def test_many_headers_are_as_one():
    header = b"x: " + b"a" * 1_000 + b"\r\n"
    _, taken = talked(b"GET / HTTP/1.1\r\n", *[header * 20] * 30)
    assert taken < 10


def test_what_browsers_send_is_taken_and_a_body_is_no_head():
    cookie = b"cookie: " + b"c" * 20_000 + b"\r\n"
    said, _ = talked(b"GET / HTTP/1.1\r\nhost: x\r\n" + cookie, cookie, b"\r\n")
    assert said.startswith(b"HTTP/1.1 200")
    long = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % (2 * LARGEST_HEAD)
    said, _ = talked(long, *[b"b" * LARGEST_HEAD] * 2)
    assert said.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nhost: x\r\n\r\nGET /"])
def test_who_never_ends_a_head_holds_no_connection(begun, monkeypatch):
    monkeypatch.setattr(served, "HEAD_SECONDS", 0.1)

    async def waited():
        async with serving(plain, "127.0.0.1", 0) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(begun)
            said = await asyncio.wait_for(reader.read(), 3)
            writer.close()
            return said

    said = asyncio.run(waited())
    assert said.startswith(b"HTTP/1.1 200") if begun.endswith(b"GET /") else said == b""


def test_a_slow_answer_is_waited_for(monkeypatch):
    monkeypatch.setattr(served, "HEAD_SECONDS", 0.05)

    async def slow(scope, receive, send):
        await asyncio.sleep(0.3)
        await plain(scope, receive, send)

    async def asked():
        async with serving(slow, "127.0.0.1", 0) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            said = await asyncio.wait_for(reader.read(200), 3)
            writer.close()
            return said

    assert asyncio.run(asked()).startswith(b"HTTP/1.1 200")
