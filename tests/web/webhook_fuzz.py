"""Requests nobody would send: genuine ones, mutated by seeds and signed again, through the whole endpoint.

`python -m tests.web.webhook_fuzz 50000` draws that many; what must hold is that nothing but 200, 400, 401,
403 and 413 is ever answered. A seed that breaks something is printed and can be drawn again alone.
"""

import json
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

from nurture import clock
from nurture.store import Store, schema
from tests.intake import webhook_senders as senders
from tests.intake.webhook_mail import received
from tests.web import conftest as worlds
from tests.web import webhook_matrix as matrix
from tests.web.webhook_matrix import NOON, PROVIDERS, Post, post, said

ALLOWED = {200, 400, 401, 403, 413}
KINDS = ("bounce", "delivered", "complaint", "unsubscribe", "open", "drop", "policy", "new")
ODD = (
    None, True, False, 0, -1, 1e308, float("1e999"), 2**63, 2**70, "", " ", "\0", "\ud800", "\U0001f4a3",
    "x" * 5000,
    "<script>", "a@b@c", "@", "1e999", "-1", "0x10", "\u0661", "9" * 400, [], {}, [[]], [{}], [None],
    {"": ""}, {"a": {"b": []}},
    "2026-13-45T99:99:99Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59",
    "=?utf-8?q?x=0D=0ABcc:_a@b?=", "<n1.x@y>", "b+aaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaa@d.example", "5.1.1",
    "5.7.1",
)  # fmt: skip


def drawn(seed):
    """The provider and the mutated request of a seed."""
    chance = random.Random(seed)
    provider = chance.choice(PROVIDERS)
    if chance.random() < 0.25:
        return _mail(chance, provider)
    id = f"e{seed}"
    event = said(provider, chance.choice(KINDS), id=id)
    for _ in range(chance.randint(1, 4)):
        event = _mutated(chance, event)
    made = post(provider, event, id=id)
    if chance.random() < 0.3:
        made = matrix.replaced(made, body=_torn(chance, made.body))
        if provider == "sendgrid":
            made.headers.update(senders.sendgrid_headers(made.body))
    return made


def _mail(chance, provider):
    """Mail that a provider received, torn; to the endpoint `mail-PROVIDER`."""
    made = received(provider, "<n1.x@d.example>", chance.choice(["yes", "", "\x85", "unsubscribe"]), id="1")
    body = made.body if provider == "ses" else _torn(chance, made.body)
    return matrix.replaced(made, provider=f"mail-{provider}", body=body)


def _mutated(chance, value):
    """The value with one thing in it, somewhere, replaced by something odd, removed or doubled."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(list(value))
        changed = dict(value)
        if chance.random() < 0.15:
            del changed[key]
        elif chance.random() < 0.1:
            changed[chance.choice(["", "event", "timestamp", "signature", "items", "FromFull", "\0"])] = (
                changed[key]
            )
        else:
            changed[key] = _mutated(chance, value[key])
        return changed
    if isinstance(value, list) and value and chance.random() < 0.85:
        at = chance.randrange(len(value))
        return [*value[:at], _mutated(chance, value[at]), *value[at + 1 :]]
    return chance.choice(ODD)


def _torn(chance, body):
    raw = bytearray(body)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(raw) + 1)
        match chance.randrange(4):
            case 0:
                raw[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                raw[at : at + chance.randrange(40)] = b""
            case 2:
                raw[at:at] = chance.choice(
                    [b"\0", b"\r\n", b'"', b"{", b"[" * 60, b"\xff\xfe", b"--B--", b"&=&", b"%"]
                )
            case 3:
                raw[at:at] = raw[: chance.randrange(60)]
        raw = raw or bytearray(b"x")
    return bytes(raw)


def endpoints():
    """The five for events, and five for mail."""
    mail = {
        f"mail-{name}": senders.endpoint(name, name=f"mail-{name}", takes="mail", **_unsigned(name))
        for name in PROVIDERS
    }
    return matrix.endpoints() | mail


def _unsigned(name):
    return {"keys": (), "basic": (senders.BASIC,)} if name == "sendgrid" else {}


def answers(world, seeds):
    """How often each status was answered, and the seeds whose answer is not allowed."""
    counted, wrong = Counter(), []
    for seed in seeds:
        made = drawn(seed)
        status = Post(**made.__dict__).to(world.client).status_code
        counted[status] += 1
        if status not in ALLOWED:
            wrong.append(seed)
    return counted, wrong


def main(count, first):
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "nurture.db"
        schema.upgrade(f"sqlite:///{database}", Path(__file__).parents[2] / "migrations")
        with Store(f"sqlite:///{database}") as store, clock.virtual(NOON):
            store.write_now(worlds.fill)
            needs = worlds.make_needs(
                store, Path(folder), webhooks=endpoints(), certificates=matrix.certificates()
            )
            counted, wrong = answers(worlds.World(needs, worlds.browser(needs)), range(first, first + count))
    print(json.dumps({"drawn": count, "answers": dict(sorted(counted.items())), "wrong seeds": wrong}))
    return 1 if wrong else 0


if __name__ == "__main__":
    import logging

    logging.disable(logging.WARNING)
    numbers = [int(one) for one in sys.argv[1:]]
    sys.exit(main(numbers[0] if numbers else 1000, numbers[1] if len(numbers) > 1 else 0))
