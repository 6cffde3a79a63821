"""The operator's list of networks in nurture.toml: read where work begins, and wrong in one sentence."""

from tests.cli.workspace import Place

SECTION = '\n[machines]\nnetworks = "networks.txt"\n'


def listed(place: Place, *lines: str) -> None:
    """The list, named in the workspace's settings."""
    (place.folder / "networks.txt").write_text("\n".join(lines), encoding="utf-8")
    settings = place.folder / "nurture.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + SECTION, encoding="utf-8")


def test_a_list_is_read(place: Place) -> None:
    listed(place, "# made up", "192.0.2.0/24", "", "2001:db8::/32  # and why")
    place.ok("wake")


def test_a_line_that_is_no_network_is_named(place: Place) -> None:
    listed(place, "192.0.2.0/24", "example.com")
    assert "networks.txt:2: example.com is no network" in place.mistake("wake")


def test_a_list_that_is_not_there_is_named(place: Place) -> None:
    listed(place)
    (place.folder / "networks.txt").unlink()
    assert "machines.networks: networks.txt cannot be read" in place.mistake("wake")
