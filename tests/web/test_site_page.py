"""docs/site.md: its curl commands run as they stand, against the real app, and answer what stands there."""

import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn

from nurture import clock
from nurture.core.programme import Attribute
from nurture.store import Store
from nurture.web import create_app
from nurture.web.tracked import SCRIPT
from tests.web.conftest import NOON, PROGRAMME, World, fill, make_needs

PAGE = (Path(__file__).parents[2] / "docs" / "site.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
TOKEN = "t" * 64


@pytest.fixture
def world(sqlite_database, tmp_path):
    """The app on a port of its own, on the day of the examples."""
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with clock.virtual(NOON), Store(sqlite_database) as store:
        store.write_now(fill)
        programme = replace(PROGRAMME, attributes={**PROGRAMME.attributes, "x": Attribute("x", "text")})
        needs = make_needs(
            store, tmp_path, programme=lambda: programme, public=address, events={"product": TOKEN}
        )
        server = uvicorn.Server(uvicorn.Config(create_app(needs), log_level="critical", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield World(needs, None)
        server.should_exit = True
        thread.join()
    listener.close()


def run(command, address):
    """What the command prints: the answer, and its headers where it asks for them."""
    done = subprocess.run(
        ["bash", "-euc", command.replace("https://t.example.com", address)],
        env={**os.environ, "TOKEN": TOKEN}, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    head, _, body = done.stdout.replace("\r\n", "\n").rpartition("\n\n")
    return head, body


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here: apt-get install curl")
def test_every_curl_command_does_what_the_page_says(world):
    answers = []
    for place, (language, text) in enumerate(BLOCKS):
        if language == "bash":
            head, body = run(text, world.needs.public)
            answers.append((head.partition("\n")[0], body))
            if place + 1 < len(BLOCKS) and BLOCKS[place + 1][0] == "json":
                assert json.loads(body) == json.loads(BLOCKS[place + 1][1])
    assert [status for status, _ in answers] == [
        "HTTP/1.1 303 See Other", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK", "",
    ]  # fmt: skip
    assert json.loads(answers[-1][1])["openapi"].startswith("3.1")
    ada = world.person("ada@mill.example")
    assert world.kinds(ada.id) == ["Entered", "Learned", "FormSent", "Happened"]
    bo = world.person("bo@mill.example")
    assert (bo.source, world.kinds(bo.id)) == ("webinar-tool", ["Entered", "Happened"])


def test_the_page_names_what_the_script_takes():
    script = SCRIPT.decode()
    for word in ("data-consent", "consent", '"given"', '"ask"', "localStorage", '"nurture"'):
        assert word in script
    html = "".join(text for language, text in BLOCKS if language == "html")
    assert set(re.findall(r'data-consent="(\w+)"', PAGE)) == {"given", "ask"}
    assert 'name="homepage" tabindex="-1" autocomplete="off"' in html
