"""Whether a client is online, when several brokers say different things of it."""

from cloud_service.service.client_presence import ClientPresence


def test_with_one_broker_the_last_word_counts() -> None:
    presence = ClientPresence()
    said = [
        presence.note("ana", 1, online=True, retained=True),
        presence.note("ana", 1, online=False, retained=False),
        presence.note("ana", 1, online=False, retained=True),
        presence.note("ana", 1, online=True, retained=False),
    ]
    assert said == [True, False, False, True]


def test_a_client_that_has_moved_is_offline_only_where_it_is_now() -> None:
    presence = ClientPresence()
    presence.note("ana", 1, online=True, retained=False)
    assert presence.note("ana", 2, online=True, retained=False) is True
    assert presence.note("ana", 1, online=False, retained=False) is None
    assert presence.note("ana", 2, online=False, retained=False) is False


def test_what_a_broker_still_has_of_a_client_that_has_moved_is_old() -> None:
    presence = ClientPresence()
    presence.note("ana", 2, online=True, retained=False)
    assert presence.note("ana", 1, online=True, retained=True) is None
    assert presence.note("ana", 1, online=False, retained=True) is None
    assert presence.note("ana", 2, online=False, retained=False) is False


def test_a_broker_that_is_away_for_long_takes_its_clients_along() -> None:
    presence = ClientPresence()
    presence.note("ana", 1, online=True, retained=False)
    presence.note("bia", 2, online=True, retained=False)
    presence.note("caio", 1, online=False, retained=False)
    assert presence.forget(1) == ["ana"]
    assert presence.note("ana", 1, online=True, retained=True) is True


def test_what_is_said_now_overrides_what_another_broker_still_has() -> None:
    """At the start, a broker that was killed still has as online who has moved since."""
    presence = ClientPresence()
    presence.note("ana", 1, online=True, retained=True)
    assert presence.note("ana", 2, online=False, retained=True) is None
    assert presence.note("ana", 2, online=False, retained=False) is False


def test_a_client_that_is_heard_again_is_at_home_there() -> None:
    presence = ClientPresence()
    presence.note("ana", 1, online=True, retained=True)
    presence.note("ana", 1, online=True, retained=False)
    assert presence.note("ana", 2, online=False, retained=False) is None


def test_a_topic_that_is_cleared_moves_nobody() -> None:
    presence = ClientPresence()
    presence.note("ana", 2, online=True, retained=False)
    assert presence.clear("ana", 1) is False
    assert presence.note("ana", 2, online=False, retained=False) is False


def test_a_client_without_a_topic_is_not_known_to_be_offline() -> None:
    presence = ClientPresence()
    presence.note("ana", 1, online=False, retained=False)
    assert presence.clear("ana", 1) is True
    presence.note("ana", 1, online=True, retained=False)
    assert presence.clear("ana", 1) is True
    assert presence.note("ana", 2, online=False, retained=False) is False
