"""Forged tokens by the million: `python -m tests.web.mutations 1000000 [SEED]`; CI draws 20,000.

Starts from genuine tokens and does to them what attackers and mail programs do: flips bits of what they say,
cuts and lengthens them, mixes two, asks with another purpose, signs with another key, spells the same bytes
in another way. None may be read as anything; a token of another purpose, or another's, only as itself.
"""

import base64
import random
import sys
import time
from collections import Counter

from nurture.delivery.tokens import PURPOSES, Keys, Token, read, sign

KEYS = Keys("k2", {"k1": bytes(range(32)), "k2": bytes(range(1, 33))})
STRANGER = Keys("k2", {"k1": bytes(32), "k2": bytes(range(2, 34))})
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
OTHERS = "+/=%. \t\r\n\x00éА１a\u0301\u202e"


def flip(token, chance):
    raw = bytearray(base64.urlsafe_b64decode(token + "=="))
    for _ in range(chance.choice((1, 1, 1, 2, 8))):
        raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def swap(token, chance):
    place = chance.randrange(len(token))
    return token[:place] + chance.choice(LETTERS + OTHERS) + token[place + 1 :]


def cut(token, chance):
    place = chance.randrange(len(token))
    return chance.choice((token[:place], token[place + 1 :], token[:place] + token[place + 1 :]))


def lengthen(token, chance):
    place, more = chance.randrange(len(token) + 1), chance.choice(LETTERS + OTHERS) * chance.randint(1, 3)
    return token[:place] + more + token[place:]


def case(token, chance):
    return chance.choice((str.lower, str.upper, str.swapcase, str.title))(token)


def spell(token, chance):
    """The same bytes, or nearly, in another spelling: padding, the other alphabet, stray bits, escapes."""
    stray = token[:-1] + LETTERS[LETTERS.index(token[-1]) ^ chance.randint(1, 3)]
    other = token.replace("-", "+").replace("_", "/")
    place = chance.randrange(len(token))
    escaped = f"{token[:place]}%{ord(token[place]):02x}{token[place + 1 :]}"
    return chance.choice((token + "=", token + "==", stray, other, escaped, f"{token}%2f", f" {token}"))


def mix(token, chance):
    other = sign(KEYS, chance.choice(list(PURPOSES)), chance.getrandbits(62), chance.getrandbits(16))
    place = chance.randrange(1, len(token))
    mixed = token[:place] + other[place:]
    return token if mixed == other else mixed  # they may begin alike


def relabel(token, chance):
    """Another touch, link, key or version before the same signature."""
    raw = bytearray(base64.urlsafe_b64decode(token + "=="))
    raw[:12] = chance.randbytes(12) if chance.random() < 0.5 else raw[:2] + chance.randbytes(10)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def resign(token, chance):
    """Whole and well made, by somebody without our keys."""
    return sign(STRANGER, chance.choice(list(PURPOSES)), chance.getrandbits(62), chance.getrandbits(16))


WAYS = (flip, swap, cut, lengthen, case, spell, mix, relabel, resign)


def hunt(number, seed):
    """Draw forgeries; gives how many of each way were tried. AssertionError where one is read."""
    chance, tried = random.Random(seed), Counter()
    while sum(tried.values()) < number:
        purpose, touch, link = chance.choice(list(PURPOSES)), chance.getrandbits(62), chance.getrandbits(16)
        token = sign(KEYS, purpose, touch, link)
        assert read(KEYS, purpose, token) == Token(touch, link)
        for way in WAYS:
            forged = way(token, chance)
            if forged != token:
                assert read(KEYS, purpose, forged) is None, (seed, way.__name__, purpose, token, forged)
                tried[way.__name__] += 1
        for other in PURPOSES:
            if other != purpose:
                assert read(KEYS, other, token) is None, (seed, purpose, other, token)
                tried["purpose"] += 1
    return tried


def main():
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(2**32)
    begun = time.process_time()
    tried = hunt(number, seed)
    print(
        f"seed {seed}: {sum(tried.values()):,} forgeries, none read, "
        f"{time.process_time() - begun:.0f} s of CPU"
    )
    for way, count in sorted(tried.items()):
        print(f"  {way:10}{count:>10,}")


if __name__ == "__main__":
    main()
