"""POST /events: only with a token, each event once, and every refusal with its place and one sentence."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, update

from nurture import clock
from nurture.core.facts import Consumed, Entered, Happened, Learned, Unsubscribed
from nurture.core.programme import Attribute
from nurture.intake.events import Batch, Known, Unfit, read_batch
from nurture.store.suppressions import suppress
from nurture.store.tables import PROSPECTS
from tests.web.conftest import NOON

TOKEN, OTHER = "t" * 32, "u" * 40
KNOWN = Known({"role": Attribute("role", "choice", values=("controller",))}, ("early/guide",))


@pytest.fixture
def site(world):
    return world.again(events={"site": TOKEN, "product": OTHER})


def event(number=1, **more):
    at = (NOON - timedelta(hours=1)).isoformat()
    return {"id": f"e{number}", "event": "trial_started", "at": at, "email": "ada@a.example"} | more


def post(world, body, token=TOKEN, **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    asked = {"content-type": "application/json", "authorization": f"Bearer {token}"} | headers
    return world.client.post("/events", content=content, headers=asked)


def why(world, **changes):
    """The one sentence said about an event with these changes; it is the last of three, and alone refused."""
    answer = post(world, [event(8), event(9), {**event(), **changes}])
    (refused,) = answer.json()["refused"]
    assert refused["index"] == 2
    assert answer.json()["taken"] == ["e8", "e9"]
    return refused["why"]


def test_events_become_facts_at_their_own_time(site):
    answer = post(site, [event(fields={"plan": "pro", "seats": 5, "paid": True, "tags": ["a", "b"]})])
    assert (answer.status_code, answer.json()) == (200, {"taken": ["e1"], "known": [], "refused": []})
    assert site.facts(1) == [
        Happened("trial_started", {"plan": "pro", "seats": 5.0, "paid": True, "tags": ("a", "b")})
    ]
    row = site.person("ada@a.example")
    assert row.wake_at == NOON


@pytest.mark.parametrize("wrap", [list, lambda events: {"events": events}])
def test_a_batch_is_a_list_or_an_object_with_one(site, wrap):
    assert post(site, wrap([event(1), event(2, email="bo@b.example")])).json()["taken"] == ["e1", "e2"]
    assert (site.kinds(1), site.kinds(2)) == (["Happened"], ["Happened"])


def test_the_same_event_counts_once_for_one_sender(site):
    assert post(site, [event(1), event(2)]).json()["taken"] == ["e1", "e2"]
    again = post(site, [event(2), event(3), event(3)]).json()
    assert (again["taken"], again["known"]) == (["e3"], ["e2", "e3"])
    assert len(site.facts(1)) == 3
    assert post(site, [event(1)], token=OTHER).json()["taken"] == ["e1"]  # another sender has his own numbers
    assert len(site.facts(1)) == 4


def test_a_thousand_at_once_and_again(site):
    events = [event(n, email=f"p{n % 100}@x.example") for n in range(1000)]
    first, second = post(site, events), post(site, events)
    assert (len(first.json()["taken"]), len(second.json()["known"])) == (1000, 1000)
    assert len(site.facts(site.person("p7@x.example").id)) == 11  # entered, then ten events


def test_somebody_unknown_enters_and_is_never_mailed_for_it(site):
    post(site, [event(1, email="New@X.example", source="webinar-tool"), event(2, email="other@x.example")])
    new, other = site.person("new@x.example"), site.person("other@x.example")
    assert site.facts(new.id)[0] == Entered("webinar-tool", "unknown", basis="none")
    assert site.facts(other.id)[0] == Entered("events", "unknown")
    assert (new.source, new.source_kind, new.entered_at) == ("webinar-tool", "unknown", NOON)


def test_who_asked_to_be_forgotten_is_not_entered_again(site):
    site.needs.store.write_now(
        lambda c: suppress(c, site.needs.suppression_key, "gone@x.example", "erased", NOON)
    )
    answer = post(site, [event(1, email="gone@x.example"), event(2)]).json()
    assert answer["taken"] == ["e2"]
    assert answer["refused"][0] == {
        "index": 0, "id": "e1", "why": "email: this person asked to be forgotten and is not entered again.",
    }  # fmt: skip
    assert site.person("gone@x.example") is None


def test_who_had_left_a_sequence_has_left_it_still(site):
    site.needs.store.write_now(
        lambda c: suppress(
            c, site.needs.suppression_key, "back@x.example", "unsubscribed", NOON, scope="tips"
        )
    )
    post(site, [event(1, email="back@x.example")])
    assert site.facts(site.person("back@x.example").id)[:2] == [
        Entered("events", "unknown"), Unsubscribed("tips", "manual"),
    ]  # fmt: skip


def test_declared_attributes_are_learned_and_other_fields_stay_with_the_event(site):
    post(site, [event(fields={"role": "Controller", "employees": 250, "plan": "pro"})])
    assert site.facts(1) == [
        Happened("trial_started", {"plan": "pro"}),
        Learned({"role": "controller", "employees": 250.0}, (), "event trial_started"),
    ]
    post(site, [event(2, fields={"role": "controller"})])
    assert site.kinds(1) == ["Happened", "Learned", "Happened"]  # known already


def test_a_piece_that_was_read_elsewhere_is_consumed(site, store):
    from dataclasses import replace

    programme = replace(site.needs.programme(), pieces={"early/guide": None})
    other = site.again(programme=lambda: programme)
    post(other, [event(event="webinar_attended", piece="early/guide")])
    assert site.facts(1) == [Happened("webinar_attended"), Consumed("early/guide")]
    assert post(other, [event(event="webinar_attended", piece="early/guide")]).json()["known"] == ["e1"]
    assert len(site.facts(1)) == 2


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"id": ""}, "id: string should match"),
        ({"id": "a b"}, "id: string should match"),
        ({"id": 7}, "id: input should be a valid string."),
        ({"event": "Trial Started"}, "event: string should match"),
        ({"email": "nobody"}, "email: this is no e-mail address."),
        ({"at": "yesterday"}, "at: input should be a valid datetime"),
        ({"at": 1772442000}, "at: is not written like 2026-03-02T09:30:00Z."),
        ({"at": "1772442000"}, "at: is not written like 2026-03-02T09:30:00Z."),
        ({"id": "\ud800"}, "id: "),
        ({"email": "\ud800@a.example"}, "email: "),
        ({"fields": {"\ud800": 1}}, "fields."),
        ({"\ud800": 1}, ": "),
        ({"at": "2026-03-02T09:00:00"}, "at: has no offset from UTC; write it like 2026-03-02T09:30:00Z."),
        ({"at": (NOON + timedelta(minutes=6)).isoformat()}, "at: is in the future."),
        ({"at": (NOON - timedelta(days=367)).isoformat()}, "at: is more than a year ago."),
        ({"at": "0001-01-01T00:00:00+14:00"}, "at: no such moment."),
        ({"fields": {"first_name": "Ada"}}, "fields.first_name: is personal; a form or an import may say it"),
        ({"fields": {"role": "king"}}, "fields.role: does not fit, the attribute is a choice."),
        ({"fields": {"No Name": 1}}, "fields.No Name: is not called so"),
        ({"fields": {"a": {"b": 1}}}, "fields.a: is neither a text"),
        ({"fields": {"a": None}}, "fields.a: is neither a text"),
        ({"fields": {"a": 10**400}}, "fields.a: is no number that can be kept."),
        ({"fields": {"a": "x" * 1001}}, "fields.a: is neither a text"),
        ({"fields": {f"f{n}": 1 for n in range(51)}}, "fields: dictionary should have at most 50 items"),
        ({"piece": "early/nothing"}, "piece: the programme has no piece of this id."),
        ({"colour": "red"}, "colour: an event has no such key; put what is your own into fields."),
    ],
)
def test_a_bad_event_is_refused_by_a_sentence_and_keeps_nobody_out(site, changes, sentence):
    said = why(site, **changes)
    assert said.startswith(sentence)
    assert said.endswith(".") and "\n" not in said
    assert len(site.facts(1)) == 2


@pytest.mark.parametrize("told", [None, 7, "x", [], ["id"]])
def test_what_is_no_event_is_refused(site, told):
    answer = post(site, [told])
    assert answer.status_code == 422
    assert answer.json()["refused"][0]["why"] == "An event is a JSON object."


def test_a_clock_that_is_a_little_ahead_says_now(site):
    post(site, [event(at=(NOON + timedelta(minutes=4)).isoformat())])
    from nurture.store.facts import history

    fact = site.needs.store.read(lambda c: history(c, 1))[-1]
    assert fact.at == NOON


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'"x"', 400),
        (b"{}", 400),
        (b'{"events": [], "more": 1}', 400),
        (b"[" * 100_000, 400),
        (b'{"events": {}}', 400),
        (b"\xff\xfe", 400),
        (b"[" + b"1," * 1000 + b"1]", 413),
        (b"[" + b" " * 1_000_001 + b"]", 413),
    ],
)
def test_what_is_no_batch_is_refused_whole(site, body, status):
    assert post(site, body).status_code == status
    assert site.facts(1) == []


def test_an_empty_batch_is_nothing_to_do(site):
    assert post(site, []).json() == {"taken": [], "known": [], "refused": []}


def test_only_json_is_read(site):
    assert post(site, [event()], **{"content-type": "text/plain"}).status_code == 415
    assert post(site, [event()], **{"content-type": "application/json; charset=utf-8"}).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer \xe9",
    ],
)
def test_without_a_token_of_ours_nothing_is_said_and_nothing_kept(site, authorization):
    answer = post(site, [event()], authorization=authorization.encode("latin-1"))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.text == post(site, b"{", authorization="Bearer nonsense").text
    assert site.facts(1) == []


def test_with_no_tokens_at_all_nobody_gets_in(world):
    assert post(world, [event()], token="").status_code == 401


def test_whoever_guesses_tokens_waits(site):
    statuses = [post(site, [], token=f"{n:032}").status_code for n in range(32)]
    assert statuses == [401] * 30 + [429] * 2
    assert post(site, []).status_code == 200


def test_one_sender_may_not_post_without_end(site):
    statuses = {post(site, []).status_code for _ in range(600)}
    assert statuses == {200}
    assert post(site, []).status_code == 429
    assert post(site, [], token=OTHER).status_code == 200
    clock.set_virtual(NOON + timedelta(minutes=1))
    assert post(site, []).status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused(site, method):
    assert site.client.request(method, "/events").status_code == 405


def test_openapi_describes_what_is_taken(site):
    described = site.client.get("/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    assert described["servers"] == [{"url": "https://t.matchlight.example"}]
    assert list(described["paths"]) == ["/events"]
    shape = described["components"]["schemas"]["Event"]
    assert set(shape["required"]) == {"id", "event", "at", "email"}
    assert set(shape["properties"]) == {"id", "event", "at", "email", "fields", "piece", "source"}
    assert set(described["paths"]["/events"]["post"]["responses"]) == {
        "200", "400", "401", "413", "415", "422", "429", "503",
    }  # fmt: skip
    named = json.dumps(described).count("#/components/schemas/")
    assert named and all(
        name in described["components"]["schemas"]
        for name in [part.split('"')[0] for part in json.dumps(described).split("#/components/schemas/")[1:]]
    )
    assert TOKEN not in json.dumps(described)


def test_tokens_are_in_no_repr(site):
    assert TOKEN not in repr(site.needs)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
SHAPED = st.fixed_dictionaries(
    {},
    optional={
        name: JSON | st.just(good)
        for name, good in event().items() | {"piece": "early/guide", "source": "x"}.items()
    }
    | {"fields": st.dictionaries(st.sampled_from(["role", "plan", "seats"]), JSON, max_size=3)},
)


@given(st.lists(JSON | SHAPED, max_size=4))
def test_reading_never_raises_and_loses_nothing(events):
    batch = read_batch(json.dumps(events).encode(), KNOWN, NOON)
    assert isinstance(batch, Batch)
    places = sorted([one.place for one in batch.heard] + [one.index for one in batch.refused])
    assert places == list(range(len(events)))
    assert all(one.why and one.why[-1] in ".;" and len(one.why) < 400 for one in batch.refused)


@given(st.binary(max_size=60))
def test_nor_does_it_on_bytes(content):
    assert isinstance(read_batch(content, KNOWN, NOON), (Batch, Unfit))


def test_an_event_of_somebody_erased_since_is_known_and_enters_nobody(site):
    post(site, [event(1, email="brief@x.example")])
    brief = site.person("brief@x.example").id
    site.needs.store.write_now(
        lambda c: c.execute(update(PROSPECTS).where(PROSPECTS.c.id == brief).values(address=None))
    )
    assert post(site, [event(1, email="brief@x.example")]).json()["known"] == ["e1"]
    assert site.person("brief@x.example") is None
    site.needs.store.write_now(lambda c: c.execute(delete(PROSPECTS).where(PROSPECTS.c.id == brief)))
