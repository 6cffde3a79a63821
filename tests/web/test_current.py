"""The programme in memory: read beside the event loop, and still there when the store is not."""

import asyncio
import threading
from dataclasses import replace

import pytest

from nurture.errors import Mistake
from nurture.web import current
from nurture.web.current import Current
from tests.web.conftest import PROGRAMME

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def out_of_reach():
    raise Mistake("Cannot reach the database")


def test_an_unsubscribe_is_in_the_journal_where_the_store_cannot_even_be_read(world, monkeypatch):
    broken = world.again(programme=out_of_reach)
    monkeypatch.setattr(type(broken.needs.store), "write", lambda *_, **__: out_of_reach())
    answer = broken.client.post(f"/u/{world.sign('u')}", data=ONE_CLICK)
    assert answer.status_code == 200
    assert world.needs.journal.waiting


def test_the_last_programme_shows_the_pages_while_the_store_cannot_be_read(world, monkeypatch):
    answers = [PROGRAMME]
    app = world.again(programme=lambda: answers[0] if answers else out_of_reach())
    monkeypatch.setattr(current, "LOOKS_EVERY", 0.0)
    assert app.client.get(f"/u/{world.sign('u')}").status_code == 200
    answers.clear()
    assert app.client.get(f"/u/{world.sign('u')}").status_code == 200
    assert PROGRAMME.sender.company in app.client.get("/thanks").text


def test_a_new_programme_is_seen_and_the_event_loop_reads_nothing(noon, monkeypatch):
    threads, answers = [], [PROGRAMME, replace(PROGRAMME, hash="p2")]

    def read():
        threads.append(threading.current_thread())
        return answers.pop(0)

    async def looked():
        programme = Current(read)
        await programme.look()
        await programme.look()  # within the same second
        first = programme().hash
        monkeypatch.setattr(current, "LOOKS_EVERY", 0.0)
        await programme.look()
        return first, programme().hash

    assert asyncio.run(looked()) == ("p1", "p2")
    assert len(threads) == 2 and threading.main_thread() not in threads


def test_a_store_that_hangs_is_waited_for_once_a_second_and_not_for_long(monkeypatch):
    monkeypatch.setattr(current, "PATIENCE", 0.05)
    release = threading.Event()

    async def looked():
        programme = Current(lambda: release.wait(5) and PROGRAMME)
        try:
            await programme.look()
            await programme.look()
        finally:
            release.set()

    asyncio.run(asyncio.wait_for(looked(), 1))


@pytest.mark.parametrize("path", ["/thanks", "/f/demo"])
def test_without_any_programme_a_page_says_not_now(world, path):
    assert world.again(programme=out_of_reach).client.get(path).status_code == 503
