"""So many a minute from one network."""

from datetime import UTC, datetime, timedelta

from nurture.web.limits import MOST_NETWORKS, Limit

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def test_each_network_has_its_own_minute():
    limit = Limit(2)
    assert [limit.takes("a", NOON) for _ in range(3)] == [True, True, False]
    assert limit.takes("b", NOON)
    assert not limit.takes("a", NOON + timedelta(seconds=59.9))
    assert limit.takes("a", NOON + timedelta(seconds=60))


def test_a_step_backwards_refills_nothing():
    limit = Limit(1)
    limit.takes("a", NOON)
    assert not limit.takes("a", NOON - timedelta(hours=1))


def test_memory_is_bounded_and_the_network_seen_last_is_remembered():
    limit = Limit(1)
    limit.takes("first", NOON)
    for number in range(MOST_NETWORKS):
        limit.takes("kept", NOON)
        limit.takes(f"n{number}", NOON)
    assert not limit.takes("kept", NOON)
    assert limit.takes("first", NOON)
    assert len(limit._minutes) == MOST_NETWORKS
