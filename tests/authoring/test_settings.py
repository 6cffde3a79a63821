"""Settings and secrets: their defaults, and the sentence where they are wrong."""

import stat
from datetime import date
from pathlib import Path

import pytest

from nurture.errors import Mistake
from nurture.secrets import read_secrets, write_secrets
from nurture.settings import read_settings

KEY = "A" * 43 + "="


def _settings(folder: Path, text: str) -> Path:
    (folder / "nurture.toml").write_text(text, encoding="utf-8")
    return folder


def test_defaults(tmp_path: Path) -> None:
    settings = read_settings(_settings(tmp_path, '[sender]\nname = "Ada"\n'))
    assert settings.database == f"sqlite:///{tmp_path.resolve()}/nurture.db"
    assert settings.smtp is None
    assert (settings.web.bind, settings.web.public) == ("127.0.0.1:8025", "http://127.0.0.1:8025")
    assert settings.web.trusted_proxies == ()
    assert (settings.clock, settings.tracking) == ("real", "clicks")
    limits = settings.limits
    assert (limits.per_minute, limits.per_provider, limits.per_domain) == (None, 20, 60)
    assert settings.warm_up is None
    box = settings.mailbox
    assert (box.domain, box.host, box.port, box.security, box.folder) == ("", "", 993, "tls", "INBOX")


def test_everything_written(tmp_path: Path) -> None:
    settings = read_settings(
        _settings(
            tmp_path,
            'clock = "virtual"\ntracking = "full"\n'
            '[store]\ndatabase = "postgresql+psycopg://u@/db"\n'
            '[smtp]\nhost = "mail.example"\nport = 465\nsecurity = "tls"\nuser = "ada"\nconnections = 2\n'
            '[web]\nbind = "0.0.0.0:80"\npublic = "https://go.example"\ntrusted_proxies = ["10.0.0.1"]\n'
            "[limits]\nper_minute = 90\n"
            "[warm_up]\nfrom = 2026-11-23\nfirst_day = 9\ngrow = 2\ntarget = 99\n",
        )
    )
    assert settings.database == "postgresql+psycopg://u@/db"
    assert settings.smtp is not None
    assert (settings.smtp.port, settings.smtp.security, settings.smtp.connections) == (465, "tls", 2)
    assert settings.web.trusted_proxies == ("10.0.0.1",)
    assert (settings.clock, settings.tracking) == ("virtual", "full")
    assert (settings.limits.per_minute, settings.limits.per_domain) == (90, 60)
    ramp = settings.warm_up
    assert ramp is not None
    assert (ramp.begins, ramp.first_day, ramp.grow, ramp.target) == (date(2026, 11, 23), 9, 2, 99)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[smtp]\nhots = "x"', 'unknown key smtp.hots; did you mean "host"?'),
        ("[smtp]", "smtp.host is missing"),
        ('[smtp]\nhost = "x"\nport = "25"', "smtp.port: input should be a valid integer"),
        ('[smtp]\nhost = "x"\nport = 0', "smtp.port: input should be greater than or equal to 1"),
        ('[smtp]\nhost = "x"\nsecurity = "ssl"', "smtp.security must be 'starttls', 'tls' or 'none'"),
        ('[smtp]\nhost = "x"\npassword = "hunter2"', "unknown key smtp.password"),
        ('[store]\ndatabase = "mysql://x"', "store.database does not look right; it is sqlite:///FILE"),
        ('[store]\ndatabase = "${DB}"', "store.database does not look right"),
        ('trackin = "off"', 'unknown key trackin; did you mean "tracking"?'),
        ('[senders]\nname = "x"', 'unknown key senders; did you mean "sender"?'),
        ("web = 3", "web must be a section, [web]"),
        ('[web]\npublic = "go.example"', "web.public does not look right"),
        ("[limits]\nper_minuet = 5", 'unknown key limits.per_minuet; did you mean "per_minute"?'),
        ("[limits]\nper_domain = 0", "limits.per_domain: input should be greater than or equal to 1"),
        ("[warm_up]\nfirst_day = 5", "warm_up.from is missing"),
        ('[warm_up]\nfrom = "soon"', "warm_up.from: input should be a valid date"),
        ('[mailbox]\ndomain = "Back.example"', "mailbox.domain does not look right; it is A domain whose"),
        ('[mailbox]\ndomain = "nodots"', "mailbox.domain does not look right"),
        ('[mailbox]\nsecurity = "ssl"', "mailbox.security must be 'tls', 'starttls' or 'none'"),
        ('[web]\nbind = "8025"', "web.bind does not look right"),
        ("a = ", "is not valid TOML"),
        ("a = " + "[" * 3000, "is nested too deep or holds a number too large"),
        ("#" * 200_000, "is larger than 100,000 bytes"),
    ],
)
def test_wrong_settings(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(Mistake) as mistake:
        read_settings(_settings(tmp_path, text))
    assert str(mistake.value).startswith(("nurture.toml: ", "nurture.toml is "))
    assert said in str(mistake.value)
    assert "hunter2" not in str(mistake.value)


def test_no_workspace(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match=r"there is no nurture\.toml in .*; is this a workspace"):
        read_settings(tmp_path)
    with pytest.raises(Mistake, match=r"there is no secrets\.toml in .*; nurture init writes one"):
        read_secrets(tmp_path)
    (tmp_path / "nurture.toml").write_bytes(b"\xff\xfe\0")
    with pytest.raises(Mistake, match=r"nurture\.toml is not UTF-8"):
        read_settings(tmp_path)


def test_new_secrets_are_private_and_read_again(tmp_path: Path) -> None:
    write_secrets(tmp_path)
    file = tmp_path / "secrets.toml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    secrets = read_secrets(tmp_path)
    assert secrets.current == "k1"
    assert len(secrets.tokens["k1"]) == len(secrets.suppression) == 32
    assert secrets.tokens["k1"] != secrets.suppression
    assert secrets.smtp_password is None
    with pytest.raises(FileExistsError):
        write_secrets(tmp_path)


def test_secrets_are_never_shown(tmp_path: Path) -> None:
    write_secrets(tmp_path)
    with (tmp_path / "secrets.toml").open("a") as file:
        file.write('\n[smtp]\npassword = "hunter2"\n')
    secrets = read_secrets(tmp_path)
    assert secrets.smtp_password == "hunter2"
    for shown in (repr(secrets), str(secrets), f"{secrets}"):
        assert "hunter2" not in shown
        assert repr(secrets.suppression)[2:10] not in shown
        assert repr(secrets.tokens["k1"])[2:10] not in shown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'[tokens]\ncurrent = "k2"\nk1 = "{KEY}"', "tokens.current names a key that is not in [tokens]"),
        ('[tokens]\ncurrent = "k1"\nk1 = "c2VjcmV0"', "tokens.k1 must be 32 bytes in base64, not 6"),
        ('[tokens]\ncurrent = "k1"\nk1 = "not base64!"', "tokens.k1 is not base64"),
        (f'[tokens]\nk1 = "{KEY}"', "tokens.current is missing or is not text"),
        (f'[tokens]\ncurrent = "k1"\nk1 = "{KEY}"', "suppression.key is missing or is not text"),
        (
            f'[tokens]\ncurrent = "k1"\nk1 = "{KEY}"\n[suppresion]\nkey = "{KEY}"',
            'did you mean "suppression"?',
        ),
        (
            f'[tokens]\ncurrent = "k1"\nk1 = "{KEY}"\n[smtp]\npasswort = "c2VjcmV0"',
            'did you mean "password"?',
        ),
        ("tokens = 3", "[tokens] must be a section"),
    ],
)
def test_wrong_secrets(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "secrets.toml").write_text(text)
    with pytest.raises(Mistake) as mistake:
        read_secrets(tmp_path)
    assert said in str(mistake.value)
    assert KEY not in str(mistake.value)
    assert "c2VjcmV0" not in str(mistake.value)
