"""Pages of ours on a socket, and what every one of them must look like."""

import socket
import threading
import time
from contextlib import contextmanager

import uvicorn

_PALE = """
[...document.querySelectorAll('h1, h2, p, label, legend, a, button, li, option')].flatMap(element => {
  const bent = part => part <= .03928 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4;
  const channel = part => bent(part / 255);
  const light = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
  const parts = colour => colour.match(/[\\d.]+/g).map(Number);
  let behind = element, ground = [0, 0, 0, 0];
  while (behind && (ground = parts(getComputedStyle(behind).backgroundColor)).length == 4 && !ground[3])
    behind = behind.parentElement;
  const [one, other] = [light(parts(getComputedStyle(element).color)), light(ground)].sort((a, b) => b - a);
  const ratio = (one + .05) / (other + .05);
  return ratio < 4.5 ? [`${element.tagName} ${element.textContent.slice(0, 30)} ${ratio}`] : [];
})
"""
"""Texts of too little contrast: WCAG 2.2, success criterion 1.4.3, asks for 4.5 to 1."""


@contextmanager
def served(make):
    """The address of an app on loopback; `make` makes the app, given its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(make(address), log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield address
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def looks_right(tab, pictures, name):
    """No sideways scrolling down to 320 pixels, styled, labelled; pictures at 1000 and 360."""
    for width in (1000, 360, 320):
        tab.width(width)
        assert tab.run("document.documentElement.scrollWidth") <= width
        tab.width(width, max(600, tab.run("document.documentElement.scrollHeight")))  # no bar beside it
        tab.picture(pictures / f"{name}-{width}.png")
    assert tab.run("document.documentElement.lang") == "en"
    assert tab.run("getComputedStyle(document.querySelector('main')).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.run(
        "[...document.querySelectorAll('input:not([type=hidden]), select')].every(i => i.labels.length)"
    )
    assert tab.run("document.querySelectorAll('h1').length") == 1
    assert tab.run("document.cookie") == ""
    assert tab.run(_PALE) == []
    assert [role for role, name in tab.heard() if not name and role not in ("alert", "group")] == []
