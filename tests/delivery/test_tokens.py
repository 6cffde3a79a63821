"""A token is either exactly ours or nothing."""

import base64
import hmac
import random

import pytest

from nurture.delivery.tokens import PURPOSES, TOO_LONG, Keys, Token, message_id, read, sign, sign_message
from nurture.errors import Mistake

OLD = Keys("k1", {"k1": bytes(range(32))})
KEYS = Keys("k2", {"k1": bytes(range(32)), "k2": bytes(range(1, 33))})
TOUCH = 7 << 20 | 3


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize(("touch", "link"), [(1, 0), (TOUCH, 1), (2**63 - 1, 65535)])
def test_a_token_says_what_was_signed(purpose: str, touch: int, link: int) -> None:
    token = sign(KEYS, purpose, touch, link)
    assert len(token) <= TOO_LONG
    assert read(KEYS, purpose, token) == Token(touch, link)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_every_flipped_bit_is_refused(purpose: str) -> None:
    raw = base64.urlsafe_b64decode(sign(KEYS, purpose, TOUCH, 2) + "==")
    for bit in range(len(raw) * 8):
        forged = bytearray(raw)
        forged[bit // 8] ^= 1 << bit % 8
        assert read(KEYS, purpose, base64.urlsafe_b64encode(forged).rstrip(b"=").decode()) is None, bit


def test_every_other_character_in_every_place_is_refused() -> None:
    token = sign(KEYS, "c", TOUCH, 2)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/%. \n\u0661"
    for place, was in enumerate(token):
        for other in alphabet:
            if other != was:
                assert read(KEYS, "c", token[:place] + other + token[place + 1 :]) is None, (place, other)


def test_every_truncation_and_addition_is_refused() -> None:
    token = sign(KEYS, "u", TOUCH)
    for cut in range(len(token)):
        assert read(KEYS, "u", token[:cut]) is None
        assert read(KEYS, "u", token[cut + 1 :]) is None
    for more in ("=", "==", "A", "\n", "/", "?a=b", "\x00"):
        assert read(KEYS, "u", token + more) is None
        assert read(KEYS, "u", more + token) is None


def test_a_token_is_good_for_one_purpose() -> None:
    for signed in PURPOSES:
        for asked in PURPOSES:
            found = read(KEYS, asked, sign(KEYS, signed, TOUCH, 1))
            assert (found is not None) == (signed == asked)


def test_no_two_tokens_can_be_mixed() -> None:
    draw = random.Random(4)
    for _ in range(500):
        one, other = (sign(KEYS, "c", draw.getrandbits(62), draw.getrandbits(16)) for _ in range(2))
        cut = draw.randrange(1, len(one))
        mixed = one[:cut] + other[cut:]
        assert mixed in (one, other) or read(KEYS, "c", mixed) is None


def test_old_links_work_after_a_new_key_and_new_ones_do_not_before() -> None:
    assert read(KEYS, "c", sign(OLD, "c", TOUCH, 1)) == Token(TOUCH, 1)
    assert read(OLD, "c", sign(KEYS, "c", TOUCH, 1)) is None
    stranger = Keys("k2", {"k2": bytes(32)})
    assert read(stranger, "c", sign(KEYS, "c", TOUCH, 1)) is None


def test_a_message_keeps_its_id_for_ever() -> None:
    mine = message_id(OLD, TOUCH, "example.com")
    assert mine == message_id(KEYS, TOUCH, "example.com")
    assert mine != message_id(KEYS, TOUCH + 1, "example.com")
    assert mine.startswith("<n1.") and mine.endswith("@example.com>") and len(mine) == 4 + 32 + 13


@pytest.mark.parametrize("keys", [OLD, KEYS])
@pytest.mark.parametrize("touch", [0, 1, TOUCH, 2**63 - 1])
@pytest.mark.parametrize("links", [0, 1, 8, 300])
def test_the_tokens_of_a_message_are_those_that_sign_gives(keys: Keys, touch: int, links: int) -> None:
    clicks = [sign(keys, "c", touch, number) for number in range(1, links + 1)]
    assert [token.decode() for token in sign_message(keys, touch, links)] == [sign(keys, "u", touch), *clicks]


def test_signing_is_hmac_and_an_id_is_base32() -> None:
    """Against the standard library's own HMAC, of which only the key is taken in once."""
    prk = hmac.digest(b"nurture", OLD.first(), "sha256")
    for touch in (0, 1, TOUCH, 2**63 - 1):
        key = hmac.digest(prk, b"message-id\x01", "sha256")
        digest = hmac.digest(key, touch.to_bytes(8, "big"), "sha256")
        written = base64.b32encode(digest).decode()[:32].lower()
        assert message_id(OLD, touch, "example.com") == f"<n1.{written}@example.com>"


@pytest.mark.parametrize(
    ("current", "secrets"),
    [
        ("k2", {"k1": bytes(32)}),
        ("k1", {"k1": b"short"}),
        ("main", {"main": bytes(32)}),
        ("k256", {"k256": bytes(32)}),
    ],
)
def test_unusable_keys_are_a_sentence(current: str, secrets: dict[str, bytes]) -> None:
    with pytest.raises(Mistake, match=r"secrets\.toml"):
        Keys(current, secrets)


def test_keys_do_not_print_their_secrets() -> None:
    assert "x01" not in repr(KEYS)
