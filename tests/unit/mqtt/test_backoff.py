"""Pauses that grow."""

from cloud_service.mqtt.backoff import Backoff


def test_pauses_double_up_to_the_longest_and_start_again() -> None:
    backoff = Backoff(0.5, 3.0)
    assert [backoff.next_pause() for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    backoff.reset()
    assert backoff.next_pause() == 0.5


def test_jitter_shortens_a_pause_by_up_to_half() -> None:
    pauses = set()
    for _ in range(200):
        backoff = Backoff(1.0, 8.0, jitter=True)
        first, second = backoff.next_pause(), backoff.next_pause()
        assert 0.5 <= first <= 1.0 <= second <= 2.0
        pauses.add(first)
    assert len(pauses) > 100
