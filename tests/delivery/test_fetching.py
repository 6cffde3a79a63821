"""A file is fetched from the public internet alone: 300 addresses that lead inside reach nobody."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import product
from pathlib import Path

import pytest

from nurture.delivery import webhook
from nurture.delivery.webhook import LARGEST_FILE, NotTaken, fetch
from nurture.intake.webhooks import may_be_visited
from tests.faults.certificates import context, make

INSIDE = (
    "127.0.0.1", "127.1", "127.0.0.2", "0.0.0.0", "0", "2130706433", "017700000001", "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1", "localhost", "LOCALHOST", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[fe80::1]", "[fc00::1]",
    "169.254.169.254", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "224.0.0.1", "240.0.0.1",
    "[ff02::1]",
)  # fmt: skip
SHAPES = (
    "{scheme}://{host}:{port}/", "{scheme}://{host}:{port}/SimpleNotificationService-1a.pem",
    "{scheme}://{host}:{port}/?Action=ConfirmSubscription", "{scheme}://user:pw@{host}:{port}/",
    "{scheme}://sns.us-east-1.amazonaws.com@{host}:{port}/",
)  # fmt: skip


class Site(BaseHTTPRequestHandler):
    """A small site: a file, a large one, a redirect to the file."""

    def do_GET(self) -> None:
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "/file")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        content = b"x" * (LARGEST_FILE + 1) if self.path == "/large" else b"a file"
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Quietly."""


@contextmanager
def serving(folder: Path | None = None) -> Iterator[int]:
    """The site on loopback, with TLS where there is a folder for certificates; its port."""
    server = HTTPServer(("127.0.0.1", 0), Site)
    if folder is not None:
        server.socket = context(folder).wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_nothing_inside_is_ever_connected_to() -> None:
    """A listener on every address of this machine hears nobody."""
    with socket.create_server(("", 0)) as listener:
        listener.settimeout(0.2)
        port = listener.getsockname()[1]
        tried = 0
        for scheme, host, shape in product(("http", "https"), INSIDE, SHAPES):
            url = shape.format(scheme=scheme, host=host, port=port)
            assert not may_be_visited(url)
            with pytest.raises(NotTaken):
                fetch(url, plain=scheme == "http")
            tried += 1
        assert tried == 300
        with pytest.raises(TimeoutError):
            listener.accept()


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "gopher://a/", "ftp://a/", "//a/", "", "https://", "https:///x",
            "https://a:99999/", "https://a:x/", "http://9.9.9.9/"]
)  # fmt: skip
def test_what_is_no_address_of_a_file_is_not_asked_for(url: str) -> None:
    with pytest.raises(NotTaken):
        fetch(url)


def test_a_name_is_resolved_once_and_every_address_of_it_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [["9.9.9.9", "127.0.0.1"], ["127.0.0.1"]]

    def resolver(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in answers.pop(0)]

    monkeypatch.setattr(webhook.socket, "getaddrinfo", resolver)
    for _ in range(2):
        with pytest.raises(NotTaken, match="not on the public internet"):
            fetch("https://rebinding.example/")
    assert not answers


def test_a_file_comes_by_tls_whole_or_not_at_all(tmp_path: Path) -> None:
    trust = ssl.create_default_context(cafile=str(make(tmp_path)))
    with serving(tmp_path) as port:

        def got(path: str) -> bytes:
            return fetch(f"https://127.0.0.1:{port}{path}", may_connect=lambda _: True, trust=trust)

        assert got("/file") == b"a file"
        with pytest.raises(NotTaken, match="answered 302"):
            got("/away")
        with pytest.raises(NotTaken, match="bytes"):
            got("/large")
        with pytest.raises(NotTaken, match="SSLCertVerificationError"):
            fetch(f"https://127.0.0.1:{port}/file", may_connect=lambda _: True)


def test_what_proves_itself_may_come_in_clear() -> None:
    with serving() as port:
        assert fetch(f"http://127.0.0.1:{port}/file", may_connect=lambda _: True, plain=True) == b"a file"
