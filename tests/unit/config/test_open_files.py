"""How many connections a process may have, whatever its shell allows."""

import resource

import pytest

from cloud_service.config.open_files import allow_connections


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "fitting", "raised"),
    [
        (1024, 100_000, 4000, 4000, [(4064, 100_000)]),
        (1024, resource.RLIM_INFINITY, 4000, 4000, [(4064, resource.RLIM_INFINITY)]),
        (1024, 2048, 4000, 1984, [(2048, 2048)]),
        (32, 32, 4000, 1, []),
        (8192, 8192, 4000, 4000, []),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, 4000, 4000, []),
    ],
)
def test_the_limit_is_raised_as_far_as_it_has_to_be_and_can_be(
    soft: int,
    hard: int,
    wanted: int,
    fitting: int,
    raised: list[tuple[int, int]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    set_to: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: set_to.append(limits))
    assert allow_connections(wanted) == fitting
    assert set_to == raised
    assert (f"limited to {fitting} connections" in caplog.text) == (fitting < wanted)
