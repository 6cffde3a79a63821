"""Real sockets: what a server does, and what we make of it. The ledger says what was really sent."""

import asyncio
import socket
import ssl
import subprocess
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from nurture.delivery.outcomes import Accepted, Deferred, Failed, InDoubt, Outcome, Refused
from nurture.delivery.transports import Account, Mail, SmtpTransport, Timeouts
from nurture.simulation.inbox import Fault, Inbox

QUICK = Timeouts(connect=0.4, command=0.4, data=0.4, answer=0.4, quit=0.2)
Faults = Mapping[tuple[str, int], Fault]


def letter(number: int = 1, body: str = "Hello") -> Mail:
    raw = f"Message-ID: <n1.{number}@example.com>\r\n\r\n{body}\r\n".encode()
    return Mail(f"n1.{number}@example.com", "ada@example.com", f"p{number}@example.org", raw)


async def go() -> bool:
    return True


async def send_all(inbox: Inbox, count: int = 1, **account: object) -> list[Outcome]:
    """So many letters one after another over one kept connection."""
    values = {"security": "none", "connections": 1, "timeouts": QUICK, **account}
    transport = SmtpTransport(Account("127.0.0.1", inbox.port, **values))  # type: ignore[arg-type]
    outcomes = [await transport.send(letter(number + 1), go) for number in range(count)]
    await transport.close()
    return outcomes


def with_faults(faults: Faults, count: int = 1) -> tuple[list[Outcome], Inbox]:
    async def body() -> tuple[list[Outcome], Inbox]:
        async with Inbox(faults=faults) as inbox:
            return await send_all(inbox, count), inbox

    return asyncio.run(body())


BEFORE = [
    (("connect", Fault(then="reset", reply="")), Deferred, "server"),
    (("connect", Fault(reply="421 4.3.2 too busy", then="close")), Deferred, "server"),
    (("connect", Fault(reply="554 5.7.1 go away", then="close")), Deferred, "server"),
    (("connect", Fault(reply="", then="hang")), Deferred, "server"),
    (("connect", Fault(reply="220")), Accepted, ""),
    (("connect", Fault(reply="hello there")), Deferred, "server"),
    (("connect", Fault(reply="220-" + "x" * 65536, then="hang")), Deferred, "server"),
    (("EHLO", Fault(reply="502 5.5.1 what?")), Accepted, ""),
    (("EHLO", Fault(reply="", then="hang")), Deferred, "server"),
    (("MAIL", Fault(reply="451 4.3.0 try later")), Deferred, "message"),
    (("MAIL", Fault(reply="452 4.3.1 full")), Deferred, "message"),
    (("MAIL", Fault(reply="550 5.7.1 not you")), Deferred, "account"),
    (("MAIL", Fault(reply="552 5.3.4 too big")), Failed, "message"),
    (("MAIL", Fault(reply="", then="hang")), Deferred, "server"),
    (("RCPT", Fault(reply="450 4.7.1 greylisted, try again in 300 seconds")), Deferred, "message"),
    (("RCPT", Fault(reply="451 4.7.1 later")), Deferred, "message"),
    (("RCPT", Fault(reply="421 4.7.0 slow down", then="close")), Deferred, "domain"),
    (("RCPT", Fault(reply="550 5.1.1 no such user")), Failed, "message"),
    (("RCPT", Fault(reply="550 5.7.1 policy")), Failed, "domain"),
    (("RCPT", Fault(reply="552 5.2.2 mailbox full")), Failed, "message"),
    (("RCPT", Fault(reply="553 5.1.3 bad")), Failed, "message"),
    (("RCPT", Fault(reply="571 5.7.1 no")), Failed, "domain"),
    (("RCPT", Fault(reply="251 2.1.5 will forward")), Accepted, ""),
    (("RCPT", Fault(reply="250 ok\r\n250 ok")), Deferred, "server"),
    (("RCPT", Fault(reply="250 \xfcber")), Accepted, ""),
    (("RCPT", Fault(then="reset", reply="")), Deferred, "server"),
    (("DATA", Fault(reply="451 4.3.0 no")), Deferred, "message"),
    (("DATA", Fault(reply="554 5.7.1 no")), Failed, "domain"),
    (("DATA", Fault(reply="250 what?")), Deferred, "server"),
    (("DATA", Fault(reply="", then="hang")), Deferred, "server"),
]
AFTER = [
    (("DATA", Fault(then="hang")), InDoubt, 0),
    (("body", Fault(reply="", then="reset")), InDoubt, 0),
    (("body", Fault(reply="", then="close")), InDoubt, 0),
    (("dot", Fault(reply="", then="hang", accepts=False)), InDoubt, 0),
    (("dot", Fault(reply="", then="hang", accepts=True)), InDoubt, 1),
    (("dot", Fault(reply="", then="reset", accepts=True)), InDoubt, 1),
    (("dot", Fault(reply="", then="close", accepts=True)), InDoubt, 1),
    (("dot", Fault(reply="garbage", accepts=True)), InDoubt, 1),
    (("dot", Fault(reply="354 again?", accepts=False)), InDoubt, 0),
    (("dot", Fault(reply="421 4.3.0 closing", then="close")), Deferred, 0),
    (("dot", Fault(reply="450 4.2.1 later")), Deferred, 0),
    (("dot", Fault(reply="550 5.7.515 level of authentication")), Deferred, 0),
    (("dot", Fault(reply="550 5.7.26 unauthenticated")), Deferred, 0),
    (("dot", Fault(reply="250 ok\r\n250 ok")), Accepted, 1),
    (("dot", Fault(reply="250 ok", drip=0.01)), Accepted, 1),
    (("dot", Fault(reply="252 2.0.0 perhaps")), Accepted, 1),
    (("dot", Fault(reply="250 ok\n")), Accepted, 1),
]


@pytest.mark.parametrize(("fault", "kind", "whose"), BEFORE)
def test_before_the_body_nothing_is_sent_and_another_try_is_safe(
    fault: tuple[str, Fault], kind: type, whose: str
) -> None:
    began = time.monotonic()
    (outcome,), inbox = with_faults({(fault[0], 1): fault[1]})
    assert isinstance(outcome, kind), outcome
    assert getattr(outcome, "whose", "") == whose
    assert len(inbox.ledger) == (1 if kind is Accepted else 0)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(("fault", "kind", "accepted"), AFTER)
def test_after_the_first_byte_only_a_clear_answer_counts(
    fault: tuple[str, Fault], kind: type, accepted: int
) -> None:
    (outcome,), inbox = with_faults({(fault[0], 1): fault[1]})
    assert isinstance(outcome, kind), outcome
    assert len(inbox.ledger) == accepted


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize(
    "fault", [("RCPT", Fault(reply="550 5.1.1 no")), ("dot", Fault(reply="450 4.2.1 no"))]
)
def test_one_bad_recipient_spoils_no_other_and_keeps_the_connection(k: int, fault: tuple[str, Fault]) -> None:
    outcomes, inbox = with_faults({(fault[0], k): fault[1]}, 3)
    assert [isinstance(outcome, Accepted) for outcome in outcomes] == [n != k for n in (1, 2, 3)]
    assert [each.recipient for each in inbox.ledger] == [f"p{n}@example.org" for n in (1, 2, 3) if n != k]
    assert inbox.connections == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault(reply="421 4.4.2 idle too long", then="close"),
        Fault(reply="", then="close"),
        Fault(reply="", then="reset"),
    ],
)
def test_a_kept_connection_that_died_costs_nobody_a_try(fault: Fault) -> None:
    outcomes, inbox = with_faults({("MAIL", 2): fault}, 3)
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert inbox.connections == 2 and inbox.duplicates() == 0 and len(inbox.ledger) == 3


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "dot"])
def test_a_reply_too_many_never_ends_up_with_the_next_message(verb: str) -> None:
    usual = "354 go ahead" if verb == "DATA" else "250 ok"
    outcomes, inbox = with_faults({(verb, 2): Fault(reply=f"{usual}\r\n{usual}")}, 4)
    kinds = [type(outcome) for outcome in outcomes]
    fine = verb != "DATA"  # before 354 another connection takes it; after the dot the answer was clear
    assert kinds == [Accepted, Accepted if fine else Deferred, Accepted, Accepted]
    taken = [f"p{number}@example.org" for number in (1, 2, 3, 4) if fine or number != 2]
    assert [each.recipient for each in inbox.ledger] == taken


def test_the_fence_says_no_after_354_and_the_connection_is_cut() -> None:
    seen: list[str] = []

    def watch(verb: str, k: int) -> Fault | None:
        seen.append(verb)
        return None

    async def no() -> bool:
        seen.append("fence")
        return False

    async def body() -> Inbox:
        async with Inbox(faults=watch) as inbox:
            transport = SmtpTransport(Account("127.0.0.1", inbox.port, "none", timeouts=QUICK))
            assert await transport.send(letter(), no) == Refused()
            await transport.close()
            await asyncio.sleep(0.05)
            return inbox

    inbox = asyncio.run(body())
    assert seen.index("DATA") < seen.index("fence")
    assert "dot" not in seen and "QUIT" not in seen and inbox.ledger == []


def test_a_server_that_hangs_up_while_we_wait_for_the_fence_got_nothing() -> None:
    async def body() -> tuple[Outcome, Inbox]:
        async with Inbox() as inbox:
            transport = SmtpTransport(Account("127.0.0.1", inbox.port, "none", timeouts=QUICK))

            async def slow() -> bool:
                await inbox.close()
                await asyncio.sleep(0.05)
                return True

            outcome = await transport.send(letter(), slow)
            await transport.close()
            return outcome, inbox

    outcome, inbox = asyncio.run(body())
    assert isinstance(outcome, Deferred) and outcome.whose == "server"
    assert inbox.ledger == []


def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    outcome = asyncio.run(
        SmtpTransport(Account("127.0.0.1", port, "none", timeouts=QUICK)).send(letter(), go)
    )
    assert isinstance(outcome, Deferred) and outcome.whose == "server"


def test_a_server_that_stops_reading_leaves_doubt() -> None:
    async def body() -> Outcome:
        async with Inbox(faults={("DATA", 1): Fault(then="hang")}) as inbox:
            transport = SmtpTransport(Account("127.0.0.1", inbox.port, "none", timeouts=QUICK))
            outcome = await transport.send(letter(body="x\r\n" * 4_000_000), go)
            await transport.close()
            return outcome

    assert isinstance(asyncio.run(body()), InDoubt)


def test_big_messages_pass_up_to_the_servers_limit() -> None:
    async def body() -> tuple[list[Outcome], Inbox]:
        async with Inbox(largest=1_000_000) as inbox:
            transport = SmtpTransport(Account("127.0.0.1", inbox.port, "none", connections=1))
            outcomes = [
                await transport.send(letter(n, ".dot\r\n" * size), go)
                for n, size in ((1, 140_000), (2, 170_000), (3, 1))
            ]
            await transport.close()
            return outcomes, inbox

    outcomes, inbox = asyncio.run(body())
    assert [type(outcome) for outcome in outcomes] == [Accepted, Failed, Accepted]
    assert [each.raw for each in inbox.ledger] == [
        letter(1, ".dot\r\n" * 140_000).raw,
        letter(3, ".dot\r\n").raw,
    ]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that signs itself, with its key, in one folder."""
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2", "-subj", "/CN=inbox.test",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


def server_side(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    return context


def secured(
    certificate: Path, account: dict[str, object], count: int = 1, **inbox: object
) -> tuple[list[Outcome], Inbox]:
    async def body() -> tuple[list[Outcome], Inbox]:
        async with Inbox(certificate=server_side(certificate), **inbox) as opened:  # type: ignore[arg-type]
            return await send_all(opened, count, **account), opened

    return asyncio.run(body())


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_encrypted_mail_arrives(certificate: Path, security: str) -> None:
    account = {"security": security, "certificates": str(certificate / "cert.pem")}
    outcomes, inbox = secured(certificate, account, 3, implicit_tls=security == "tls")
    assert [type(outcome) for outcome in outcomes] == [Accepted] * 3
    assert len(inbox.ledger) == 3 and inbox.connections == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_nobody_vouches_for_is_refused(certificate: Path, security: str) -> None:
    (outcome,), inbox = secured(certificate, {"security": security}, implicit_tls=security == "tls")
    assert (
        isinstance(outcome, Deferred) and outcome.whose == "server" and "certificate" in outcome.words.lower()
    )
    assert inbox.ledger == []


def test_starttls_that_is_not_offered_means_nothing_is_sent() -> None:
    async def body() -> tuple[list[Outcome], Inbox]:
        async with Inbox() as inbox:
            return await send_all(inbox, security="starttls", user="ada", password="secret"), inbox

    (outcome,), inbox = asyncio.run(body())
    assert isinstance(outcome, Deferred) and outcome.whose == "server"
    assert "STARTTLS" in outcome.words and inbox.transactions == 0


@pytest.mark.parametrize("fault", [Fault(reply="454 4.7.0 no TLS now"), Fault(reply="", then="reset")])
def test_starttls_that_fails_means_nothing_is_sent(certificate: Path, fault: Fault) -> None:
    account = {"security": "starttls", "certificates": str(certificate / "cert.pem")}
    (outcome,), inbox = secured(certificate, account, faults={("STARTTLS", 1): fault})
    assert isinstance(outcome, Deferred) and outcome.whose == "server"
    assert inbox.transactions == 0


def test_words_put_in_before_the_handshake_are_forgotten(certificate: Path) -> None:
    account = {"security": "starttls", "certificates": str(certificate / "cert.pem")}
    fault = Fault(reply="220 go ahead\r\n250-evil\r\n250 AUTH PLAIN")
    (outcome,), inbox = secured(certificate, account, faults={("STARTTLS", 1): fault})
    assert isinstance(outcome, Accepted) and len(inbox.ledger) == 1


@pytest.mark.parametrize("security", ["starttls", "none"])
def test_signing_in_works(certificate: Path, security: str) -> None:
    account = {
        "security": security,
        "certificates": str(certificate / "cert.pem"),
        "user": "ada",
        "password": "s3cret",
    }
    outcomes, _ = secured(certificate, account, 2, accounts={"ada": "s3cret"})
    assert [type(outcome) for outcome in outcomes] == [Accepted] * 2


@pytest.mark.parametrize(
    ("password", "fault", "whose"),
    [
        ("wrong", None, "account"),
        ("right", Fault(reply="535 5.7.8 no"), "account"),
        ("right", Fault(reply="454 4.7.0 later"), "server"),
        ("right", Fault(reply="", then="hang"), "server"),
    ],
)
def test_a_refused_sign_in_is_the_accounts_trouble(password: str, fault: Fault | None, whose: str) -> None:
    async def body() -> tuple[list[Outcome], Inbox]:
        faults = {} if fault is None else {("AUTH", 1): fault}
        async with Inbox(accounts={"ada": "right"}, faults=faults) as inbox:
            return await send_all(inbox, user="ada", password=password), inbox

    (outcome,), inbox = asyncio.run(body())
    assert isinstance(outcome, Deferred) and outcome.whose == whose, outcome
    assert inbox.transactions == 0 and "right" not in outcome.words and "wrong" not in outcome.words


def test_a_server_that_wants_a_sign_in_we_have_not_is_the_accounts_trouble() -> None:
    async def body() -> list[Outcome]:
        async with Inbox(accounts={"ada": "x"}) as inbox:
            return await send_all(inbox)

    (outcome,) = asyncio.run(body())
    assert isinstance(outcome, Deferred) and outcome.whose == "account" and outcome.code == 530


def test_accounts_do_not_print_their_password() -> None:
    assert "s3cret" not in repr(Account("h", user="ada", password="s3cret"))


def test_at_most_so_many_connections() -> None:
    async def body() -> Inbox:
        async with Inbox() as inbox:
            transport = SmtpTransport(Account("127.0.0.1", inbox.port, "none", connections=3))
            await asyncio.gather(*(transport.send(letter(n), go) for n in range(40)))
            await transport.close()
            return inbox

    inbox = asyncio.run(body())
    assert inbox.connections <= 3 and len(inbox.ledger) == 40 and inbox.duplicates() == 0


def test_a_goodbye_that_hangs_is_not_waited_for() -> None:
    began = time.monotonic()
    (outcome,), _ = with_faults({("QUIT", 1): Fault(reply="", then="hang")})
    assert isinstance(outcome, Accepted) and time.monotonic() - began < 1.5


def test_words_of_the_server_hold_no_address() -> None:
    (outcome,), _ = with_faults(
        {("RCPT", 1): Fault(reply="550 5.1.1 <P1@example.org>: unknown, ask boss@example.org")}
    )
    assert isinstance(outcome, Failed)
    assert outcome.words == "RCPT: 550 5.1.1 <address>: unknown, ask <address>"


def addressed(
    to: str, inbox_takes_utf8: bool = False, sender: str = "ada@example.com"
) -> tuple[Outcome, Inbox]:
    """What becomes of a letter to this address, after another one on the same connection."""

    async def body() -> tuple[Outcome, Inbox]:
        async with Inbox(takes_utf8=inbox_takes_utf8) as inbox:
            account = Account("127.0.0.1", inbox.port, "none", connections=1, timeouts=QUICK)
            transport = SmtpTransport(account)
            outcomes = [
                await transport.send(mail, go)
                for mail in (letter(1), replace(letter(2), to=to, sender=sender), letter(3))
            ]
            await transport.close()
            assert isinstance(outcomes[0], Accepted) and isinstance(outcomes[2], Accepted)
            assert inbox.connections == 1, "nobody else is spoiled"
            return outcomes[1], inbox

    return asyncio.run(body())


@pytest.mark.parametrize(
    "address",
    [
        "p@example.org\r\nRCPT TO:<eve@evil.test>",
        "p@example.org> SIZE=1",
        "p@example.org\x00",
        "p q@example.org",
        "<p@example.org>",
        "p@exa\u2028mple.org",
        "=?utf-8?q?eve=40evil.test=3E?=@example.org",
        "=?UTF-8?B?ZXZl?=@example.org",
        "p@" + "x" * 260 + ".org",
        "p@@example.org",
        "",
        "\ud800@example.org",
    ],
)
@pytest.mark.parametrize("whose", ["to", "sender"])
def test_an_address_that_could_say_more_than_one_is_never_said(address: str, whose: str) -> None:
    outcome, inbox = addressed(**{"to": "p@example.org", whose: address})
    assert isinstance(outcome, Failed) and outcome.code == 0 and "address" in outcome.words, outcome
    assert len(inbox.ledger) == 2 and set(inbox.named) == {"p1@example.org", "p3@example.org"}


def test_an_international_domain_goes_as_ascii() -> None:
    outcome, inbox = addressed("p@b\xfccher.example")
    assert isinstance(outcome, Accepted)
    assert inbox.ledger[1].recipient == "p@xn--bcher-kva.example"


def test_a_mailbox_outside_ascii_needs_a_server_that_takes_it() -> None:
    outcome, inbox = addressed("j\xf6rg@b\xfccher.example")
    assert isinstance(outcome, Failed) and outcome.words.startswith("smtputf8_unsupported")
    assert len(inbox.ledger) == 2
    outcome, inbox = addressed("j\xf6rg@b\xfccher.example", inbox_takes_utf8=True)
    assert isinstance(outcome, Accepted)
    assert inbox.ledger[1].recipient == "j\xf6rg@xn--bcher-kva.example"


def test_a_connection_is_renewed_after_so_many_messages() -> None:
    async def body() -> Inbox:
        async with Inbox() as inbox:
            assert all(
                isinstance(outcome, Accepted)
                for outcome in await send_all(inbox, 7, messages_per_connection=3)
            )
            return inbox

    inbox = asyncio.run(body())
    assert [each.connection for each in inbox.ledger] == [1, 1, 1, 2, 2, 2, 3]
    assert all(each.answered for each in inbox.ledger)


@pytest.mark.parametrize("reply", ["421 4.7.0 too many", "554 5.7.1 too many", ""])
def test_a_server_that_takes_only_so_many_connections_is_served_by_those(reply: str) -> None:
    fault = Fault(reply=reply, then="close")

    async def body() -> tuple[list[Outcome], Inbox]:
        async with Inbox(faults={("connect", k): fault for k in range(3, 99)}) as inbox:
            transport = SmtpTransport(Account("127.0.0.1", inbox.port, "none", connections=6, timeouts=QUICK))
            outcomes = await asyncio.gather(*(transport.send(letter(n), go) for n in range(40)))
            await transport.close()
            return outcomes, inbox

    outcomes, inbox = asyncio.run(body())
    assert [type(outcome) for outcome in outcomes] == [Accepted] * 40
    assert inbox.connections <= 6 and {each.connection for each in inbox.ledger} == {1, 2}


def test_who_is_stopped_while_waiting_for_a_connection_takes_none_along() -> None:
    async def body() -> Inbox:
        async with Inbox() as inbox:
            transport = SmtpTransport(Account("127.0.0.1", inbox.port, "none", connections=1, timeouts=QUICK))
            gate = asyncio.Event()

            async def slow() -> bool:
                return await gate.wait()

            first = asyncio.create_task(transport.send(letter(1), slow))
            while not inbox.named:
                await asyncio.sleep(0.01)
            second, third = (asyncio.create_task(transport.send(letter(n), go)) for n in (2, 3))
            await asyncio.sleep(0.01)
            second.cancel()
            gate.set()
            assert isinstance(await first, Accepted) and isinstance(await third, Accepted)
            await transport.close()
            return inbox

    assert [each.recipient for each in asyncio.run(body()).ledger] == ["p1@example.org", "p3@example.org"]


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "dot"])
@pytest.mark.parametrize(
    "reply",
    ["250-on and on\r\n" * 4000, "250 " + "x" * 70_000, "250-ok\r\n550 no", "2500 ok", "\xff\xfe", "199 hm"],
)
def test_an_answer_that_does_not_end_or_means_nothing_is_no_answer(verb: str, reply: str) -> None:
    (outcome,), _ = with_faults({(verb, 1): Fault(reply=reply, accepts=False)})
    assert isinstance(outcome, InDoubt if verb == "dot" else Deferred), outcome
    assert getattr(outcome, "whose", "server") == "server"


async def scripted(answers: dict[bytes, bytes], mail: Mail) -> tuple[Outcome, bytes, list[bytes]]:
    """The outcome of one message at a server that knows PIPELINING and `answers`; all and what came together.

    An empty answer hangs up.
    """
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        known = {b"EHLO": b"250-script.test\r\n250 PIPELINING\r\n", **answers}
        writer.write(b"220 script.test\r\n")
        while not writer.is_closing() and (chunk := await reader.read(65536)):
            heard.append(chunk)
            for verb in (line.partition(b" ")[0] for line in chunk.splitlines()):
                if known.get(verb) == b"":
                    writer.close()
                    break
                writer.write(known.get(verb, b""))
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        transport = SmtpTransport(Account("127.0.0.1", port, "none", timeouts=QUICK))
        outcome = await transport.send(mail, go)
        await transport.close()
        await asyncio.sleep(0.05)
    return outcome, b"".join(heard), heard


FINE = {b"MAIL": b"250 ok\r\n", b"RCPT": b"250 ok\r\n", b"DATA": b"354 go\r\n", b".": b"250 taken\r\n"}


def test_commands_leave_together_where_the_server_takes_them() -> None:
    outcome, _, chunks = asyncio.run(scripted(FINE, letter()))
    assert isinstance(outcome, Accepted)
    assert chunks[1].startswith(b"MAIL FROM:") and chunks[1].endswith(b"DATA\r\n")


@pytest.mark.parametrize(
    ("data", "kept"), [(b"354 go\r\n", False), (b"503 5.5.1 no\r\n", True), (b"", False)]
)
def test_a_refused_recipient_gets_nothing_whatever_the_server_says_to_data(data: bytes, kept: bool) -> None:
    answers = {**FINE, b"RCPT": b"550 5.1.1 nobody\r\n", b"DATA": data, b"QUIT": b""}
    outcome, heard, _ = asyncio.run(scripted(answers, letter()))
    assert outcome == Failed(550, "RCPT: 550 5.1.1 nobody")
    assert b"\r\n.\r\n" not in heard and b"Hello" not in heard
    assert heard.endswith(b"QUIT\r\n") is kept
