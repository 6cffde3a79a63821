"""`nurture wake` where the settings cannot work."""

from tests.cli.workspace import Place


def test_a_user_without_a_password_is_told_before_anything_is_sent(place: Place) -> None:
    settings = place.folder / "nurture.toml"
    settings.write_text(settings.read_text() + '\n[smtp]\nhost = "127.0.0.1"\nport = 2525\nuser = "nora"\n')
    assert place.mistake("wake") == (
        "Error: nurture.toml names smtp.user nora; put [smtp] password into secrets.toml"
    )
