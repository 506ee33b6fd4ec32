"""Clients for whom a process speaks are offline when it has been away for long."""

from cloud_service.service.spoken_for import AWAY_SECONDS, SpokenFor

HERE, THERE = "broker-1", "broker-2"


def away(spoken_for: SpokenFor, name: str = "ocpp-gateway", broker: str = HERE, at: float = 0.0) -> None:
    spoken_for.note_process(broker, name, at, online=False)


def test_they_are_told_once_and_after_some_time() -> None:
    spoken_for = SpokenFor()
    spoken_for.note_client(HERE, "post-1", "ocpp-gateway")
    spoken_for.note_client(HERE, "post-2", "ocpp-gateway-2")
    spoken_for.note_client(HERE, "post-3", None)
    away(spoken_for)
    away(spoken_for, at=10)
    assert spoken_for.take_left(HERE, AWAY_SECONDS - 1) == []
    assert spoken_for.take_left(HERE, AWAY_SECONDS) == ["post-1"]
    assert spoken_for.take_left(HERE, AWAY_SECONDS) == []


def test_a_process_that_comes_back_in_time_goes_on_speaking() -> None:
    spoken_for = SpokenFor()
    spoken_for.note_client(HERE, "post-1", "ocpp-gateway")
    away(spoken_for)
    spoken_for.note_process(HERE, "ocpp-gateway", 5, online=True)
    assert spoken_for.take_left(HERE, AWAY_SECONDS) == []


def test_a_client_that_has_gone_elsewhere_stays_online() -> None:
    spoken_for = SpokenFor()
    for client in ("post-1", "post-2", "post-3"):
        spoken_for.note_client(HERE, client, "ocpp-gateway")
    away(spoken_for)
    spoken_for.note_client(HERE, "post-1", "ocpp-gateway-2")
    spoken_for.note_client(HERE, "post-2", None)
    assert spoken_for.take_left(HERE, AWAY_SECONDS) == ["post-3"]


def test_what_is_retained_may_come_in_any_order() -> None:
    spoken_for = SpokenFor()
    away(spoken_for)
    spoken_for.note_client(HERE, "post-1", "ocpp-gateway")
    assert spoken_for.take_left(HERE, AWAY_SECONDS) == ["post-1"]


def test_each_broker_tells_of_its_own() -> None:
    spoken_for = SpokenFor()
    spoken_for.note_client(HERE, "post-1", "ocpp-gateway")
    spoken_for.note_client(THERE, "post-2", "ocpp-gateway")
    away(spoken_for)
    assert spoken_for.take_left(THERE, AWAY_SECONDS) == []
    spoken_for.connected(HERE)
    assert spoken_for.take_left(HERE, AWAY_SECONDS) == []
