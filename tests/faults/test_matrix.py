"""The 49 faults: the right end for every message, nothing twice, nothing lost, no hang.

`make test` plays each fault once, in the middle of a pass without encryption; all the rest is slow.
`python -m tests.faults` prints the whole matrix.
"""

import asyncio
from pathlib import Path

import pytest

from tests.faults import certificates
from tests.faults.table import FAULTS, PLACES, SECURITIES
from tests.faults.world import Played, Setting, World, play_all, worlds


@pytest.fixture(scope="module")
def setting(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Setting:
    made = tmp_path_factory.mktemp("certificates")
    return Setting(sqlite_template, made, certificates.make(made), tmp_path_factory.mktemp("worlds"))


def what_is_wrong(played: list[Played]) -> list[str]:
    return [f"{each.world}: {'; '.join(each.wrong)}" for each in played if each.wrong]


def test_the_table_has_all_49() -> None:
    assert sorted({fault.number for fault in FAULTS}) == list(range(1, 50))


def test_what_cannot_be_says_why() -> None:
    left_out = {
        (fault.number, security): fault.expected(security)
        for security in SECURITIES
        for fault in FAULTS
        if fault.expected(security).startswith("-")
    }
    assert {number for number, _ in left_out} == {11, 12, 13, 14}
    assert set(left_out.values()) == {"- no STARTTLS in it", "- no certificate in it"}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("security", SECURITIES)
@pytest.mark.slow
def test_every_fault_ends_as_it_must(setting: Setting, place: str, security: str) -> None:
    played = asyncio.run(play_all(worlds(FAULTS, [place], [security]), setting))
    assert not what_is_wrong(played)


def test_every_fault_once(setting: Setting) -> None:
    """Where a fault needs encryption, with it; of several ways to have one, the first."""
    first = {fault.number: fault for fault in reversed(FAULTS)}
    plain = [World(fault, "middle", "none") for fault in first.values() if fault.expected("none")[0] != "-"]
    others = [
        World(fault, "middle", "starttls") for number, fault in first.items() if number in (11, 12, 13, 14)
    ]
    assert len(plain) + len(others) == 49
    assert not what_is_wrong(asyncio.run(play_all([*plain, *others], setting)))
