"""A new key in secrets.toml: new links are signed with it, and every link that has left goes on working."""

from base64 import b64encode, urlsafe_b64decode
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from nurture.assembly import begin, open_nurture
from nurture.delivery.tokens import PURPOSES, Token, read, read_address, sign, sign_address
from nurture.errors import Mistake
from nurture.secrets import write_secrets


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    begin(tmp_path / "myco")
    write_secrets(tmp_path / "myco")
    return tmp_path / "myco"


def rotate(folder: Path, key: bytes = b"2" * 32) -> None:
    """As docs/operators.md says: one more key, and it is the current one."""
    file = folder / "secrets.toml"
    text = file.read_text().replace('current = "k1"', f'current = "k2"\nk2 = "{b64encode(key).decode()}"')
    file.write_text(text)


def signed(folder: Path) -> dict[str, str]:
    with open_nurture(folder) as nurture:
        keys = nurture.keys()
        return {purpose: sign(keys, purpose, 5 << 20 | 1, 2) for purpose in PURPOSES}


def test_links_of_both_keys_work_and_new_ones_have_the_new_key(folder: Path) -> None:
    old = signed(folder)
    rotate(folder)
    new = signed(folder)
    with open_nurture(folder) as nurture:
        keys = nurture.keys()
        for purpose in PURPOSES:
            assert (
                read(keys, purpose, old[purpose])
                == read(keys, purpose, new[purpose])
                == Token(5 << 20 | 1, 2)
            )
            assert urlsafe_b64decode(old[purpose] + "==")[1] == 1
            assert urlsafe_b64decode(new[purpose] + "==")[1] == 2
        page = TestClient(nurture.app())
        assert page.get(f"/u/{old['u']}").status_code == page.get(f"/u/{new['u']}").status_code == 200


def test_addresses_of_both_keys_work_and_message_ids_stay(folder: Path) -> None:
    with open_nurture(folder) as nurture:
        old, first = sign_address(nurture.keys(), "b", 77), nurture.keys().first()
    rotate(folder)
    with open_nurture(folder) as nurture:
        assert read_address(nurture.keys(), "b", old) == 77
        assert read_address(nurture.keys(), "b", sign_address(nurture.keys(), "b", 77)) == 77
        assert nurture.keys().first() == first


def test_a_key_that_is_removed_opens_nothing_any_more(folder: Path) -> None:
    old = signed(folder)
    rotate(folder)
    file = folder / "secrets.toml"
    file.write_text("".join(line for line in file.read_text().splitlines(True) if not line.startswith("k1 ")))
    with open_nurture(folder) as nurture:
        assert read(nurture.keys(), "u", old["u"]) is None


def test_tokens_of_events_stand_in_secrets_and_are_shown_nowhere(folder: Path) -> None:
    file = folder / "secrets.toml"
    file.write_text(f'{file.read_text()}\n[events]\nproduct = "{"x" * 32}"\n')
    with open_nurture(folder) as nurture:
        assert nurture.secrets.events == {"product": "x" * 32}
        assert "xxxx" not in repr(nurture.secrets)
        client = TestClient(nurture.app())
        told = {"headers": {"authorization": f"Bearer {'x' * 32}"}, "json": []}
        assert client.post("/events", **told).status_code == 200


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('product = "short"', "events.product: a token has 32 to 200 letters and signs, without spaces"),
        ('Product = "' + "x" * 32 + '"', r"\[events\] Product: call a sender by small letters"),
        ("product = 7", "events.product is missing or is not text"),
    ],
)
def test_a_token_that_is_none_is_said_without_being_shown(folder: Path, line: str, says: str) -> None:
    file = folder / "secrets.toml"
    file.write_text(f"{file.read_text()}\n[events]\n{line}\n")
    with pytest.raises(Mistake, match=says) as wrong, open_nurture(folder):
        pass
    assert "short" not in str(wrong.value) and "xxxx" not in str(wrong.value)
