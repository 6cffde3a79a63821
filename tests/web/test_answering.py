"""Forms: found by the address typed in, committed before the answer, problems said by name."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from nurture import clock
from nurture.core.facts import Clicked, Entered, FormSent, Learned, PageViewed
from nurture.drafting.rows import as_fact
from nurture.intake.networks import read_networks
from nurture.store import dropped, facts
from nurture.store.facts import note
from nurture.store.tables import CONFIRMATIONS, CONSENTS, PROSPECTS
from tests.web.conftest import LINKS, NOON, PROGRAMME

WORDS = PROGRAMME.forms["demo"].consent

ADA = {"email": "Ada@A.example", "role": "controller", "employees": "1,200", "first_name": "Ada"}


def consents(world):
    return world.needs.store.read(lambda c: c.execute(select(CONSENTS)).all())


def people(world):
    return world.needs.store.read(lambda c: c.execute(select(PROSPECTS.c.address)).scalars().all())


def test_somebody_new_enters_with_the_forms_source(world):
    answer = world.client.post("/f/demo", data={**ADA, "email": "dee@d.example", "consent": "yes"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "https://t.matchlight.example/thanks"
    dee = world.person("dee@d.example")
    assert (dee.source, dee.source_kind, dee.entered_at, dee.wake_at) == ("demo-form", "intent", NOON, NOON)
    assert dee.personal == {"first_name": "Ada"}
    assert world.facts(dee.id) == [
        Entered("demo-form", "intent"),
        Learned({"role": "controller", "employees": 1200.0}, ("first_name",), "form demo"),
        FormSent("demo", {"role": "controller", "employees": 1200.0}),
    ]


def test_a_ticked_box_is_a_question_to_the_owner_of_the_address_and_no_permission(world):
    world.client.post("/f/demo", data={"email": "dee@d.example", "consent": "yes"})
    dee = world.person("dee@d.example")
    (asked,) = world.rows(CONFIRMATIONS)
    assert (asked.prospect, asked.form, asked.asked_at, asked.mail_due_at) == (dee.id, "demo", NOON, NOON)
    assert (asked.words, asked.network) == (WORDS, "192.0.2.0/24")
    assert "Consented" not in world.kinds(dee.id)
    assert consents(world) == []


def test_without_the_ticked_box_nobody_is_asked(world):
    world.client.post("/f/demo", data={"email": "dee@d.example"})
    dee = world.person("dee@d.example")
    assert world.facts(dee.id) == [Entered("demo-form", "intent"), FormSent("demo")]
    assert world.rows(CONFIRMATIONS) == []


def test_somebody_known_is_found_by_the_address_typed_in(world):
    world.client.post("/f/demo", data=ADA)
    assert world.kinds(1) == ["Learned", "FormSent"]
    assert world.person("ada@a.example").personal == {"first_name": "Ada"}
    assert len(people(world)) == 3


def test_never_by_the_visit_because_mails_are_forwarded(world):
    nv = world.sign("v", 2)
    world.client.post(f"/f/demo?nv={nv}", data={**ADA, "nv": nv}, headers={"referer": f"{LINKS[1]}?nv={nv}"})
    assert world.kinds(1) == ["Learned", "FormSent"]
    assert world.kinds(2) == []


def test_personal_values_stay_when_a_later_form_does_not_give_them(world):
    world.client.post("/f/demo", data=ADA)
    world.client.post("/f/guide", data={"email": "ada@a.example", "role": "other"})
    assert world.person("ada@a.example").personal == {"first_name": "Ada"}
    assert world.kinds(1) == ["Learned", "FormSent", "Learned", "FormSent"]


def test_no_fact_holds_a_personal_answer(world):
    world.client.post("/f/demo", data={**ADA, "first_name": "Xanthippe"})
    assert "Xanthippe" not in repr(world.facts(1))


def test_the_form_moves_nobody_by_a_click_from_a_network_of_machines(world):
    listed = world.again(networks=read_networks(["192.0.2.0/24"], "networks.txt"))
    listed.client.get(f"/c/{world.sign('c', 1, link=2)}")
    clock.set_virtual(NOON + timedelta(seconds=30))
    listed.client.post("/f/demo", data={"email": "ada@a.example"})
    assert world.facts(1) == [FormSent("demo")]
    assert [hit.verdict for hit in world.hits()] == ["machine"]


def test_the_form_settles_what_that_person_did_at_once(world):
    world.client.get(f"/c/{world.sign('c', 1, link=2)}")
    world.client.get(f"/c/{world.sign('c', 2, link=2)}")
    clock.set_virtual(NOON + timedelta(seconds=30))
    world.client.post("/f/demo", data={"email": "ada@a.example"})
    assert world.facts(1) == [Clicked(1, "guide", 2, LINKS[1]), FormSent("demo")]
    assert world.facts(2) == []
    assert [hit.verdict for hit in world.hits()] == ["human", None]


def test_a_form_does_not_wake_somebody_who_told_us_to_stop(world):
    """Anybody can type in anybody's address, so a ticked box lifts no suppression."""
    world.client.post(f"/u/{world.sign('u')}", data={"List-Unsubscribe": "One-Click"})
    world.client.post("/f/demo", data={**ADA, "consent": "yes"})
    assert world.kinds(1) == ["Unsubscribed", "Learned", "FormSent"]
    assert len(world.suppressions()) == 1
    assert [row.kind for row in consents(world)] == ["withdrawn"]


def test_what_is_wrong_is_said_by_field_and_nothing_is_kept(world):
    answer = world.client.post(
        "/f/demo",
        data={"email": "nobody", "role": "king", "employees": '"><script>x</script>', "consent": "yes"},
    )
    assert answer.status_code == 422
    assert "This is not an e-mail address." in answer.text
    assert "Choose one of these: controller, other." in answer.text
    assert "This is not a number." in answer.text
    assert answer.text.count('aria-invalid="true"') == 3
    assert "<script" not in answer.text
    assert "&lt;script&gt;" in answer.text
    assert people(world) == ["ada@a.example", "bo@b.example", "cy@c.example"]


def test_the_page_of_a_form_changes_nothing(world):
    answer = world.client.get("/f/demo?email=ada@a.example")
    assert answer.status_code == 200
    for name in ("email", "first_name", "role", "employees"):
        assert f'<label for="{name}">' in answer.text
    assert "I can stop this at any time." in answer.text
    assert "ada@a.example" not in answer.text
    assert world.facts(1) == []


def test_a_program_that_fills_in_everything_gets_its_thanks_and_nothing_more(world, caplog):
    for _ in range(3):
        answer = world.client.post("/f/demo", data={**ADA, "homepage": "https://pills.example"})
        assert answer.status_code == 303
    assert world.facts(1) == []
    assert world.needs.store.read(dropped.counts) == {"demo": 3}
    assert caplog.messages.count("A program filled in the form demo, from 192.0.2.0/24: dropped") == 3
    assert "ada" not in caplog.text.lower()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_form_that_nobody_declared_is_404(world, method):
    """Behaviour case 63, for forms."""
    assert world.client.request(method, "/f/other", data={"email": "ada@a.example"}).status_code == 404
    assert world.facts(1) == []


def test_large_and_odd_bodies_are_refused(world):
    assert world.client.post("/f/demo", content=b"email=" + b"a" * 16_384).status_code == 413
    assert world.client.post("/f/demo", content=b"a=1&" * 200).status_code == 400
    assert world.client.post("/f/demo", content=b"").status_code == 422
    assert world.facts(1) == []


def test_multipart_forms_are_read_too(world):
    parts = {name: (None, value) for name, value in ADA.items()}
    assert world.client.post("/f/demo", files=parts).status_code == 303
    assert world.kinds(1) == ["Learned", "FormSent"]


def test_one_network_may_not_send_forms_without_end(world):
    statuses = [
        world.client.post("/f/demo", data={"email": f"a{number}@a.example"}).status_code
        for number in range(22)
    ]
    assert statuses == [303] * 20 + [429] * 2
    clock.set_virtual(NOON + timedelta(minutes=1))
    assert world.client.post("/f/demo", data={"email": "ada@a.example"}).status_code == 303


def test_one_address_is_not_typed_in_without_end_from_anywhere(world):
    proxied = world.again(trusted_proxies=("192.0.2.77",))
    statuses = [
        proxied.client.post(
            "/f/demo", data={"email": "ada@a.example"}, headers={"x-forwarded-for": f"198.51.{number}.1"}
        ).status_code
        for number in range(7)
    ]
    assert statuses == [303] * 5 + [429] * 2
    assert world.kinds(1) == ["FormSent"] * 5


def test_control_characters_reach_no_row(world):
    world.client.post("/f/demo", content=b"email=dee%40d.example&first_name=A%00d%0d%0aa%1b")
    assert world.person("dee@d.example").personal == {"first_name": "A d  a"}


def test_redirects_name_the_configured_site_whatever_host_was_asked(world):
    """Behaviour case 64."""
    answer = world.client.post(
        "/f/demo", data=ADA, headers={"host": "evil.example", "x-forwarded-host": "evil.example"}
    )
    assert answer.headers["location"] == "https://t.matchlight.example/thanks"
    for path in ("/thanks", "/f/demo", f"/u/{world.sign('u')}", "/nowhere"):
        assert "evil" not in world.client.get(path, headers={"host": "evil.example"}).text


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_form_reads_what_is_known_of_a_person_and_not_all_they_ever_did(world, monkeypatch):
    """Anybody can send a form in anybody's name, again and again: each must cost as little as the first."""
    viewed = [(PageViewed(f"/p{n}"), NOON) for n in range(300)]
    world.needs.store.write_now(lambda c: note(c, {1: viewed}, known=NOON, programme="p1"))
    read = []
    monkeypatch.setattr(facts, "as_fact", lambda row: read.append(row) or as_fact(row))
    world.client.post("/f/demo", data=ADA)
    world.client.post("/f/demo", data=ADA)
    assert 0 < len(read) < 20
    assert world.kinds(1).count("FormSent") == 2
