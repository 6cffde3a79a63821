"""What the doctor says of a sending domain, asked of a name server over real sockets."""

import time
from base64 import b64encode
from collections.abc import Mapping, Sequence

import dns.resolver
import pytest

from nurture.doctor import Finding, authentication, examine_dns
from nurture.settings import Smtp
from tests.doctor.zone import FAILS, SILENT, Zone, mute, serving, truncated

DOMAIN = "mail.acme-news.com"
RELAY = "smtp.relay-house.net"
ADDRESS, REVERSE = "93.184.215.14", "14.215.184.93.in-addr.arpa"
SMTP = Smtp(host=RELAY, dkim_selectors=("s1",))
KEY = b64encode(b"k" * 294).decode()
GOOD: Zone = {
    DOMAIN: {"TXT": ['"v=spf1 include:_spf.relay-house.net" " -all"', '"something else"']},
    "_spf.relay-house.net": {"TXT": ['"v=spf1 ip4:93.184.215.0/24 ip6:2606:2800::/32 ~all"']},
    f"_dmarc.{DOMAIN}": {"TXT": ['"v=DMARC1; p=reject; rua=mailto:d@acme-news.com"']},
    f"s1._domainkey.{DOMAIN}": {"CNAME": ["s1.keys.relay-house.net."]},
    "s1.keys.relay-house.net": {"TXT": [f'"v=DKIM1; k=rsa; p={KEY[:200]}" "{KEY[200:]}"']},
    RELAY: {"A": [ADDRESS]},
    REVERSE: {"PTR": [f"{RELAY}."]},
}  # fmt: skip


def asked(zone: Zone, smtp: Smtp = SMTP) -> dict[str, Finding]:
    """The findings by name; where there are several of a name, the last that is not ok."""
    with serving(zone) as server:
        found = list(examine_dns(DOMAIN, smtp, server.resolver()))
    assert {finding.group for finding in found} == {"dns"}
    assert all(finding.do for finding in found if finding.state == "wrong"), "says what to do"
    return {finding.name: finding for finding in sorted(found, key=lambda one: one.state != "ok")}


def changed(**records: Mapping[str, Sequence[str]] | None) -> Zone:
    """The good zone with other names: keys are those below."""
    names = {
        "spf": DOMAIN, "included": "_spf.relay-house.net", "dmarc": f"_dmarc.{DOMAIN}",
        "above": "_dmarc.acme-news.com", "top": "_dmarc.com", "dkim": f"s1._domainkey.{DOMAIN}",
        "dkim_above": "s1._domainkey.acme-news.com", "relay": RELAY, "reverse": REVERSE,
    }  # fmt: skip
    zone = {**GOOD, **{names[key]: value for key, value in records.items()}}
    return {name: here for name, here in zone.items() if here is not None}


def text(*records: str) -> dict[str, Sequence[str]]:
    """TXT records; a string of one holds 255 characters at most."""
    return {"TXT": [" ".join(f'"{part}"' for part in wrap(record, 200)) for record in records]}


def wrap(record: str, width: int) -> list[str]:
    return [record[start : start + width] for start in range(0, len(record), width)]


def test_all_is_well() -> None:
    found = asked(GOOD)
    assert {name: finding.state for name, finding in found.items()} == dict.fromkeys(
        ("SPF", "SPF relay", "DMARC", "alignment", "DKIM", "PTR"), "ok"
    )
    assert found["SPF"].says == f"one record at {DOMAIN}, 1 of 10 lookups, ends with -all"
    assert ADDRESS in found["SPF relay"].says
    assert found["DMARC"].says == f"p=reject for {DOMAIN}"
    assert found["PTR"].says == f"{ADDRESS} is {RELAY}, and back"
    assert "shows when one arrives" in found["DKIM"].says


MANY = " ".join(f"exists:x{number}.acme-news.com" for number in range(11))


@pytest.mark.parametrize(
    ("records", "state", "says"),
    [
        ({"TXT": ['"hello"']}, "wrong", "has no SPF record"),
        ({}, "wrong", "has no SPF record"),
        (text("v=spf10 -all"), "wrong", "has no SPF record"),
        (text("v=spf1 -all", "v=spf1 ~all"), "wrong", "has 2 SPF records"),
        (text(f"v=spf1 {MANY} -all"), "wrong", "takes more than 10 lookups"),
        (text(f"v=spf1 include:{DOMAIN} -all"), "wrong", f"includes itself: {DOMAIN} -> {DOMAIN}"),
        (text("v=spf1 include:nowhere.net -all"), "wrong", "needs nowhere.net, which has no SPF record"),
        (text("v=spf1 redirect=nowhere.net"), "wrong", "needs nowhere.net, which has no SPF record"),
        (text("v=spf1 ip4:1.2.3.400 -all"), "wrong", "which is no address"),
        (text("v=spf1 ipv4:1.2.3.4 -all"), "wrong", "which means nothing"),
        (text("v=spf1 +all"), "wrong", "everybody may send"),
        (text("v=spf1 ip4:93.184.215.14"), "warn", "ends with nothing"),
        (text("v=spf1 ip4:93.184.215.14 ?all"), "warn", "ends with ?all"),
        (text("v=spf1 a mx ptr ~all"), "ok", "3 of 10 lookups, ends with ~all"),
        (text("v=spf1 redirect=_spf.relay-house.net"), "ok", "1 of 10 lookups, ends with ~all"),
        (text("V=SPF1 a:x/24//64 exp=why.acme-news.com -ALL"), "ok", "1 of 10 lookups, ends with -all"),
        (truncated(TXT=['"v=spf1 -all"']), "ok", "ends with -all"),
        (FAILS, "warn", "not looked at; mail.acme-news.com: its name server failed (SERVFAIL)"),
    ],
)
def test_spf(records: Mapping[str, Sequence[str]], state: str, says: str) -> None:
    found = asked(changed(spf=records))["SPF"]
    assert (found.state, says in found.says) == (state, True), found


def test_an_include_that_fails_for_now_is_no_mistake_of_theirs() -> None:
    found = asked(changed(included=FAILS))["SPF"]
    assert (found.state, found.says) == (
        "warn", "not looked at; _spf.relay-house.net: its name server failed (SERVFAIL)"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("record", "state", "says"),
    [
        ("v=spf1 ip4:93.184.215.14 -all", "ok", "names"),
        (f"v=spf1 a:{RELAY} -all", "ok", "names"),
        (f"v=spf1 a:{RELAY}/24 -all", "ok", "names"),
        ("v=spf1 mx -all", "ok", "names"),
        ("v=spf1 -ip4:93.184.0.0/16 include:_spf.relay-house.net -all", "warn", "not named (fail)"),
        ("v=spf1 ip4:93.184.216.0/24 ~all", "warn", "not named (softfail)"),
        ("v=spf1 ip4:93.184.216.0/24", "warn", "not named (neutral)"),
        ("v=spf1 exists:%{i}.acme-news.com -all", "warn", "hangs on a macro"),
        ("v=spf1 exists:%{i}.acme-news.com ip4:93.184.215.14 -all", "ok", "names"),
        ("v=spf1 -exists:%{i}.acme-news.com include:%{d}.x -all", "warn", "hangs on a macro"),
    ],
)
def test_whether_spf_names_the_relay(record: str, state: str, says: str) -> None:
    found = asked(changed(spf={**text(record), "MX": [f"10 {RELAY}."]}))["SPF relay"]
    assert (found.state, says in found.says) == (state, True), found


@pytest.mark.parametrize(
    ("records", "state", "says"),
    [
        ({"dmarc": text("v=DMARC1; p=none; rua=mailto:d@x.com")}, "ok", "p=none (watches only"),
        ({"dmarc": text("v=DMARC1;p=quarantine")}, "ok", f"p=quarantine for {DOMAIN}; nobody gets reports"),
        ({"dmarc": None}, "wrong", f"no record at {DOMAIN} nor above it"),
        ({"dmarc": text("v=DMARC2; p=none")}, "wrong", "no record"),
        ({"dmarc": text("v=DMARC1; p=none", "v=DMARC1; p=reject")}, "wrong", "more than one DMARC record"),
        ({"dmarc": text("v=DMARC1; p=strict")}, "wrong", "has no policy (p=)"),
        ({"dmarc": FAILS}, "warn", "SERVFAIL"),
        ({"dmarc": None, "above": text("v=DMARC1; p=reject; sp=none; rua=x")}, "ok",
         f"p=none (watches only; enough for bulk mail) for {DOMAIN}, inherited from acme-news.com"),
        ({"dmarc": None, "above": text("v=DMARC1; p=reject; rua=x")}, "ok", "p=reject"),
        ({"dmarc": None, "above": text("v=DMARC1; p=quarantine"), "top": text("v=DMARC1; p=reject; psd=y")},
         "ok", "p=quarantine"),
        ({"dmarc": None, "top": text("v=DMARC1; p=reject; psd=y")}, "wrong", "no record"),
    ],
)  # fmt: skip
def test_dmarc(records: Mapping[str, Mapping[str, Sequence[str]] | None], state: str, says: str) -> None:
    found = asked(changed(**records))["DMARC"]
    assert (found.state, says in found.says) == (state, True), found


def test_the_walk_up_asks_eight_names_at_most() -> None:
    deep = ".".join("abcdefghijkl") + ".acme-news.com"
    with serving({deep: {"TXT": ['"v=spf1 -all"']}}) as server:
        list(examine_dns(deep, SMTP, server.resolver()))
        names = [name for name, _, _ in server.asked if name.startswith("_dmarc.")]
    assert len(names) == 8
    assert f"_dmarc.{deep}" in names
    assert "_dmarc.h.i.j.k.l.acme-news.com" in names
    assert "_dmarc.com" in names


def key_of(bits: int) -> str:
    return b64encode(b"k" * {512: 94, 1024: 162, 2048: 294}[bits]).decode()


@pytest.mark.parametrize(
    ("records", "state", "says"),
    [
        ({"dkim": None}, "wrong", f"no key at s1._domainkey.{DOMAIN}; there is no such name (NXDOMAIN)"),
        ({"dkim": {"A": ["93.184.215.14"]}}, "wrong", "there is no such record"),
        ({"dkim": text("v=DKIM1; p=")}, "wrong", "is revoked"),
        ({"dkim": text("v=DKIM1; k=rsa")}, "wrong", "is no key"),
        ({"dkim": text("v=spf1 -all")}, "wrong", "is no key"),
        ({"dkim": text("v=DKIM1; p=!!")}, "wrong", "is not base64"),
        ({"dkim": text(f"p={key_of(512)}")}, "wrong", "shorter than 1024 bits"),
        ({"dkim": text(f"p={key_of(1024)}")}, "warn", "shorter than 2048 bits"),
        ({"dkim": text(f"p={key_of(2048)}; t=s:y")}, "warn", "t=y"),
        ({"dkim": text("k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")}, "ok", "a key at"),
        ({"dkim": text(f"p={key_of(1024)}", "p=")}, "wrong", "2 records"),
        ({"dkim": FAILS}, "warn", "SERVFAIL"),
        ({"dkim": None, "dkim_above": text(f"p={key_of(1024)}"), "dmarc": None,
          "above": text("v=DMARC1; p=none")}, "warn", "s1._domainkey.acme-news.com is shorter"),
        ({"dkim": None, "dkim_above": text(f"p={key_of(1024)}"), "dmarc": None,
          "above": text("v=DMARC1; p=none; adkim=s")}, "wrong", "not aligned"),
    ],
)  # fmt: skip
def test_dkim(records: Mapping[str, Mapping[str, Sequence[str]] | None], state: str, says: str) -> None:
    found = asked(changed(**records))["DKIM"]
    assert (found.state, says in found.says) == (state, True), found


def test_without_selectors_dkim_cannot_be_seen() -> None:
    found = asked(GOOD, Smtp(host=RELAY))["DKIM"]
    assert found.state == "warn"
    assert "only be seen on a message that arrived" in found.says
    assert "dkim_selectors" in found.do


@pytest.mark.parametrize(
    ("records", "name", "state", "says"),
    [
        ({"reverse": None}, "PTR", "warn", "has no name"),
        ({"reverse": {"PTR": ["other.net."]}}, "PTR", "warn", "which does not lead back"),
        ({"reverse": FAILS}, "PTR", "warn", "SERVFAIL"),
        ({"relay": {"A": ["10.0.0.1"]}}, "PTR", "warn", "is private"),
        ({"relay": None}, "relay", "wrong", "NXDOMAIN"),
        ({"relay": {}}, "relay", "warn", "there is no such record"),
        ({"relay": FAILS}, "relay", "warn", "SERVFAIL"),
    ],
)
def test_ptr(
    records: Mapping[str, Mapping[str, Sequence[str]] | None], name: str, state: str, says: str
) -> None:
    found = asked(changed(**records))[name]
    assert (found.state, says in found.says) == (state, True), found


def test_a_relay_by_its_address_in_version_6() -> None:
    address = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"
    reverse = ".".join(reversed("26062800021fcb07682080daaf6b8b2c")) + ".ip6.arpa"
    zone = {**GOOD, reverse: {"PTR": [f"{RELAY}."]}, RELAY: {"AAAA": [address]}}
    found = asked(zone, Smtp(host=address))
    assert found["SPF relay"].state == found["PTR"].state == "ok", found


def test_a_domain_that_is_not_there() -> None:
    found = asked({name: here for name, here in GOOD.items() if name != DOMAIN})
    assert [finding.name for finding in found.values()] == ["domain"]
    assert found["domain"].state == "wrong"


@pytest.mark.parametrize("zone", [{DOMAIN: SILENT, "": SILENT}, None], ids=["silent", "closed"])
def test_nobody_answers(zone: Zone | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """One plain line, within two lookups."""
    begun = time.monotonic()
    monkeypatch.setattr("nurture.doctor.resolving.LOOKUP_SECONDS", 0.5)
    if zone is not None:
        with serving(zone) as server:
            found = list(examine_dns(DOMAIN, SMTP, server.resolver()))
    else:
        with serving({}) as server:
            resolver = server.resolver()
        found = list(examine_dns(DOMAIN, SMTP, resolver))
    assert [(finding.state, finding.says) for finding in found] == [("warn", authentication.NOBODY)]
    assert time.monotonic() - begun < 4


def test_no_resolver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def unnamed() -> dns.resolver.Resolver:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver, "get_default_resolver", unnamed)
    (found,) = examine_dns(DOMAIN, SMTP)
    assert found.says == authentication.NOBODY


def test_one_silent_name_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nurture.doctor.resolving.LOOKUP_SECONDS", 0.3)
    found = asked(changed(dmarc=SILENT, dkim=mute(TXT=['"p=x"'])))
    assert found["DMARC"].says == f"not looked at; _dmarc.{DOMAIN}: nobody answered in time"
    assert found["DKIM"].says == f"not looked at; s1._domainkey.{DOMAIN}: nobody answered in time"
    assert found["SPF"].state == found["PTR"].state == "ok"


def test_all_of_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name but one is silent: each lookup has its limit, and all of them have one."""
    monkeypatch.setattr("nurture.doctor.resolving.LOOKUP_SECONDS", 0.4)
    monkeypatch.setattr("nurture.doctor.authentication.ALL_SECONDS", 1.0)
    selectors = tuple(f"s{number}" for number in range(50))
    zone: Zone = dict.fromkeys(GOOD, SILENT) | {DOMAIN: GOOD[DOMAIN]}
    zone = zone | {f"{selector}._domainkey.{DOMAIN}": SILENT for selector in selectors}
    begun = time.monotonic()
    found = asked(zone, Smtp(host=RELAY, dkim_selectors=selectors))
    assert time.monotonic() - begun < 4
    assert found["SPF"].state == found["DMARC"].state == found["DKIM"].state == "warn"


def test_a_name_is_asked_once() -> None:
    with serving(GOOD) as server:
        list(examine_dns(DOMAIN, SMTP, server.resolver()))
        assert set(server.asked.values()) == {1}


BACK = "back.acme-news.com"
BACKED: Zone = {
    **GOOD,
    BACK: {"TXT": ['"v=spf1 ip4:93.184.215.0/24 -all"'], "MX": ["10 mx.acme-news.com."]},
    "other.example.net": {"TXT": ['"v=spf1 -all"'], "MX": ["10 mx.example.net."]},
    "mute.acme-news.com": {"TXT": ['"v=spf1 -all"']},
}


def asked_back(zone: Zone, returns: str) -> dict[str, Finding]:
    with serving(zone) as server:
        found = list(examine_dns(DOMAIN, SMTP, server.resolver(), returns=returns))
    return {finding.name: finding for finding in sorted(found, key=lambda one: one.state != "ok")}


def test_where_mail_comes_back_to_another_domain_that_one_is_looked_at() -> None:
    found = asked_back(BACKED, BACK)
    assert {finding.state for finding in found.values()} == {"ok"}
    assert BACK in found["SPF"].says and BACK in found["alignment"].says
    assert found["returns"].says == f"mail to {BACK} goes to mx.acme-news.com"


@pytest.mark.parametrize(
    ("returns", "name", "state", "says"),
    [
        ("other.example.net", "alignment", "warning", "of different owners"),
        ("mute.acme-news.com", "returns", "wrong", "no mail can come"),
        ("nothing.acme-news.com", "SPF", "wrong", "no SPF record"),
    ],
)
def test_a_domain_that_cannot_take_mail_back_is_told(returns: str, name: str, state: str, says: str) -> None:
    finding = asked_back(BACKED, returns)[name]
    assert says in finding.says and finding.state.startswith(state[:4])


def test_strict_alignment_asks_for_the_same_domain() -> None:
    strict = {**BACKED, f"_dmarc.{DOMAIN}": text("v=DMARC1; p=reject; aspf=s; rua=mailto:d@acme-news.com")}
    assert "aspf=s" in asked_back(strict, BACK)["alignment"].says
