"""A clock that jumps: what is believed, and when. T8 of the hardening plan, without a process."""

from datetime import UTC, datetime, timedelta

import pytest

from nurture.engine.pulse import ONE_TICK, STEADY, Pulse, Steady

START = datetime(2026, 10, 5, 9, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=n) for n in (1, 60, 3600, 86400))


class Machine:
    """A wall clock and a monotonic one."""

    def __init__(self) -> None:
        self.steady, self.tick, self.ahead = Steady(), 1000.0, timedelta()
        self.pass_(0)

    def pass_(self, seconds: float) -> str:
        self.tick += seconds
        now = START + timedelta(seconds=self.tick) + self.ahead
        return self.steady.look(now, self.tick)

    def jump(self, by: timedelta) -> str:
        self.ahead += by
        return self.pass_(1)


@pytest.mark.parametrize("by", [SECOND, -SECOND, 4 * MINUTE, -4 * MINUTE])
def test_a_small_step_is_nothing(by: timedelta) -> None:
    machine = Machine()
    assert machine.jump(by) == ""
    assert machine.steady.trouble == ""


@pytest.mark.parametrize("by", [6 * MINUTE, HOUR, -6 * MINUTE, -HOUR, -DAY, -400 * DAY])
def test_a_jump_costs_one_tick(by: timedelta) -> None:
    machine = Machine()
    assert "nothing is decided or sent for 1 s" in machine.jump(by)
    assert machine.steady.trouble
    assert not machine.steady.in_doubt
    assert "taken as true" in machine.pass_(ONE_TICK)
    assert machine.steady.trouble == ""
    assert machine.pass_(60) == ""


@pytest.mark.parametrize("by", [2 * HOUR, DAY, 400 * DAY])
def test_a_leap_is_believed_after_a_quarter_of_an_hour(by: timedelta) -> None:
    machine = Machine()
    assert "for 900 s" in machine.jump(by)
    for _ in range(int(STEADY) - 1):
        machine.pass_(1)
        assert machine.steady.trouble
        assert machine.steady.in_doubt or machine.tick > 1000 + STEADY - 1
    assert "taken as true" in machine.pass_(2)


def test_a_leap_that_is_put_right_is_over_at_once() -> None:
    machine = Machine()
    machine.jump(DAY)
    machine.pass_(10)
    assert "put right" in machine.jump(-DAY)
    assert machine.steady.trouble == ""
    assert machine.pass_(60) == ""


@pytest.mark.parametrize("by", [DAY, -DAY, 400 * DAY])
def test_what_is_on_its_way_goes_by_the_time_as_it_was(by: timedelta) -> None:
    """Also before anybody has looked: the fence of a message must not read that it has expired."""
    machine = Machine()
    machine.pass_(100)
    machine.ahead += by
    wall = START + timedelta(seconds=machine.tick) + by
    assert machine.steady.believed(wall + SECOND, machine.tick + 1) == wall - by + SECOND
    machine.pass_(0.5)
    assert machine.steady.believed(wall + SECOND, machine.tick + 0.5) == wall - by + SECOND
    machine.pass_(STEADY)
    now = START + timedelta(seconds=machine.tick) + machine.ahead
    assert machine.steady.believed(now, machine.tick) == now, "in the end it is taken as true"


def test_a_clock_that_is_slewed_is_never_in_doubt() -> None:
    """500 ppm, as NTP does it, for a day."""
    machine = Machine()
    for _ in range(1440):
        machine.ahead += timedelta(milliseconds=30)
        assert machine.pass_(60) == ""


def test_a_duty_that_does_not_come_round_is_named() -> None:
    pulse = Pulse(0.0, [("wake", 1), ("deliver", 1), ("settle hits", 15)])
    assert pulse.problems(3.0) == []
    for name in ("wake", "deliver"):
        pulse.began(name, 5.0)
    pulse.ended("wake", 5.0)
    assert pulse.problems(8.0) == []
    assert pulse.problems(9.0) == ["the duty 'wake' does not come round"], "deliver is at work, for minutes"
    assert pulse.problems(46.0)[1:] == ["the duty 'settle hits' does not come round"]
    assert "the duty 'deliver' does not come round" in pulse.problems(906.0)


def test_a_duty_that_fails_is_named_until_it_goes_well() -> None:
    pulse = Pulse(0.0, [("wake", 1)])
    pulse.ended("wake", 1.0, "the store is full")
    assert (pulse.ends, pulse.successes) == (1, 0)
    assert pulse.problems(1.0) == ["the duty 'wake' fails: the store is full"]
    pulse.ended("wake", 2.0)
    assert pulse.problems(2.0) == []
    pulse.stopping = True
    assert pulse.problems(2.0) == ["stopping"]
