"""Addresses that name a touch: ours alone, in any case of letters."""

import pytest

from nurture.delivery.tokens import Keys, read_address, sign_address

KEYS = Keys("k1", {"k1": b"1" * 32})
ROTATED = Keys("k2", {"k1": b"1" * 32, "k2": b"2" * 32})
TOUCH = 77 << 20 | 3


@pytest.mark.parametrize("purpose", ["b", "r", "u"])
def test_it_names_its_touch_whatever_happens_to_its_letters(purpose: str) -> None:
    local = sign_address(KEYS, purpose, TOUCH)
    assert len(local) == 35
    assert local == local.lower()
    for spelt in (local, local.upper(), local.title()):
        assert read_address(KEYS, purpose, spelt) == TOUCH
        assert read_address(ROTATED, purpose, spelt) == TOUCH


def test_nothing_else_is_taken() -> None:
    local = sign_address(KEYS, "b", TOUCH)
    assert read_address(KEYS, "u", local) is None
    assert read_address(KEYS, "u", "u" + local[1:]) is None
    assert read_address(Keys("k1", {"k1": b"3" * 32}), "b", local) is None
    for at in range(2, len(local)):
        other = local[:at] + ("a" if local[at] != "a" else "b") + local[at + 1 :]
        assert read_address(KEYS, "b", other) is None, at
    for text in ("", "b+", "b+.", local + "a", local[:-1], "b+" + "a" * 16 + "." + "é" * 16, local + "\n"):
        assert read_address(KEYS, "b", text) is None
