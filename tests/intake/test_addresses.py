"""One mailbox, one spelling; nothing a mail server would refuse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.intake.addresses import NoAddress, normalise


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("  Ada.Lovelace+x@Acme.EXAMPLE ", "ada.lovelace+x@acme.example"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@XN--BCHER-KVA.example", "ada@xn--bcher-kva.example"),
        ("ada@acme。example", "ada@acme.example"),
        ("o'neill@acme.example", "o'neill@acme.example"),
        ("=1+1@acme.example\t", "=1+1@acme.example"),
        ("lead-5@d1.example.test", "lead-5@d1.example.test"),
        ("a@sub.sub.acme.museum", "a@sub.sub.acme.museum"),
    ],
)
def test_one_spelling(text: str, address: str) -> None:
    assert normalise(text) == address
    assert normalise(address) == address


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "ada", "ada@", "@acme.example", "ada@acme", "ada@localhost", "ada@host.invalid",
        "a@b@acme.example", "a..b@acme.example", ".a@acme.example", "a.@acme.example", "a b@acme.example",
        '"a b"@acme.example', "ada@[127.0.0.1]", "ada@-acme.example", "ada@acme-.example",
        "ada@acme..example",
        "ada@acme.example.", "ada@acme.example\nBcc: eve@evil.example", "ada@acme.example,eve@evil.example",
        "Ada <ada@acme.example>", "pаypal@acme.example", "Ａda@acme.example", "ada\u202e@acme.example",
        "ada@acme.example\0", "a\rb@acme.example", "x" * 65 + "@acme.example", "a@" + "x" * 64 + ".example",
        "a@" + "b." * 130 + "example", "x" * 5000, "mailto:ada@acme.example", "ada@acme.example?cc=eve",
    ],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(NoAddress) as told:
        normalise(text)
    assert len(str(told.value)) < 300


def test_the_short_way_and_the_library_agree() -> None:
    from email_validator import EmailNotValidError, validate_email

    for local in ("a", "a.b", "a-b", "a_b", "a+b", "0", "-a", "a-", "_", "+", "x" * 64):
        for domain in (
            "acme.example",
            "a-b.example",
            "0.example",
            "a.b.c.dd",
            "x" * 63 + ".com",
            "a.onion",
            "a.c0m",
        ):
            address = f"{local}@{domain}"
            try:
                validate_email(
                    address, check_deliverability=False, allow_smtputf8=False, test_environment=True
                )
            except EmailNotValidError:
                with pytest.raises(NoAddress):
                    normalise(address)
            else:
                assert normalise(address) == address


@given(st.text(max_size=80) | st.from_regex(r"[^@]{1,20}@[^@]{1,30}\.[a-z]{2,5}", fullmatch=True))
def test_any_text_is_an_address_or_none(text: str) -> None:
    try:
        address = normalise(text)
    except NoAddress:
        return
    assert address == normalise(address)
    assert address.isascii()
    assert address.isprintable()
    assert " " not in address
