"""Whether a broker keeps up."""

from cloud_service.service.broker_progress import ABSENT_SECONDS, STALLED_SECONDS, Progress


def test_a_broker_with_nothing_to_acknowledge_keeps_up() -> None:
    progress = Progress(0)
    for now in (0, 100, 200):
        progress.look(now, ready=True, outstanding=0)
        assert progress.keeps_up


def test_one_that_acknowledges_nothing_stalls_and_then_is_absent() -> None:
    progress = Progress(0)
    seen = []
    for now in (0, STALLED_SECONDS - 1, STALLED_SECONDS, ABSENT_SECONDS - 1, ABSENT_SECONDS):
        progress.look(now, ready=True, outstanding=5)
        seen.append((progress.keeps_up, progress.is_absent(now)))
    assert seen == [(True, False), (True, False), (False, False), (False, False), (False, True)]


def test_a_slow_one_keeps_up() -> None:
    progress = Progress(0)
    for now in range(100):
        progress.note()
        progress.look(now, ready=True, outstanding=5)
        assert progress.keeps_up


def test_one_without_a_connection_is_absent_after_a_while_and_comes_back() -> None:
    progress = Progress(0)
    progress.look(0, ready=False, outstanding=0)
    assert not progress.keeps_up
    assert progress.is_absent(ABSENT_SECONDS)
    progress.note()
    progress.look(ABSENT_SECONDS, ready=True, outstanding=5)
    assert progress.keeps_up
    assert not progress.is_absent(ABSENT_SECONDS)
