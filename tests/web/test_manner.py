"""What is kept of how somebody asked, through the public app: two yes-or-noes, and nothing of the headers."""

import pytest

CHROME = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8", "accept-language": "de-CH,de;q=0.9"}


@pytest.mark.parametrize(
    ("headers", "manner"),
    [
        (CHROME, "page language"),
        ({"accept": "*/*"}, "bare"),
        ({**CHROME, "sec-ch-ua": '"Chromium";v="126", "HeadlessChrome";v="126"'}, "headless"),
    ],
)
def test_how_a_link_was_asked_for_is_kept_with_the_hit(world, headers, manner):
    assert world.client.get(f"/c/{world.sign('c', link=1)}", headers=headers).status_code == 302
    (hit,) = world.hits()
    assert hit.manner == manner
    assert not [value for value in hit if isinstance(value, str) and "de-CH" in value]
