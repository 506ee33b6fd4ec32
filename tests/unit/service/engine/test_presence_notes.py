"""What presence topics say reaches the network once, with a batch that is on disk."""

from datetime import timedelta

import pytest

from cloud_service.core.changes import Changes
from cloud_service.core.network import Network
from cloud_service.core.records import Station
from cloud_service.core.sessions import Absence
from cloud_service.service.engine import presence_notes
from cloud_service.service.engine.presence_notes import PresenceNotes
from tests.unit.service.engine.bench import NOON

OFFLINE = Changes(absences=(Absence("ana", NOON),))
REGISTERED = Changes(stations=(Station(1, 0, 0, "ana"),))


def test_it_is_told_until_a_batch_with_it_is_on_disk() -> None:
    network, notes = Network(), PresenceNotes()
    network.apply(REGISTERED)
    notes.note("ana", False, NOON)
    assert list(notes.changes(network)) == [OFFLINE]
    assert list(notes.changes(network)) == [OFFLINE], "the batch was undone"
    network.apply(OFFLINE)
    notes.written(network, [OFFLINE])
    assert list(notes.changes(network)) == []
    notes.note("ana", True, NOON)
    assert list(notes.changes(network)) == [Changes(removed_absences=("ana",))]


def test_who_is_offline_without_a_station_is_absent_with_the_first_one() -> None:
    network, notes = Network(), PresenceNotes()
    notes.note("ana", False, NOON)
    notes.note("ana", False, NOON + timedelta(minutes=1))
    assert list(notes.changes(network)) == []
    notes.written(network, [])
    network.apply(REGISTERED)
    notes.written(network, [REGISTERED])
    assert list(notes.changes(network)) == [OFFLINE]


def test_after_each_batch_only_new_owners_are_compared() -> None:
    """On an open broker anybody can make up names: they must not be looked at in each batch."""
    network, notes = Network(), PresenceNotes()
    for number in range(100):
        notes.note(f"stranger {number}", False, NOON)
    assert list(notes.changes(network)) == []
    notes.written(network, [])
    asked: list[str] = []
    network.absence = asked.append  # type: ignore[method-assign, assignment]
    assert list(notes.changes(network)) == []
    assert asked == []


def test_who_is_back_before_a_batch_has_told_it_was_never_away() -> None:
    network, notes = Network(), PresenceNotes()
    network.apply(REGISTERED)
    notes.note("ana", False, NOON)
    notes.note("ana", True, NOON)
    assert list(notes.changes(network)) == []


def test_of_too_many_strangers_the_first_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence_notes, "MOST_STRANGERS", 2)
    network, notes = Network(), PresenceNotes()
    names = ("ana", "bia", "caio")
    for name in names:
        notes.note(name, False, NOON)
    network.apply(Changes(stations=tuple(Station(at, at, 0, name) for at, name in enumerate(names, 1))))
    assert [each.absences[0].owner for each in notes.changes(network)] == ["bia", "caio"]


@pytest.mark.parametrize("online", [True, False])
def test_names_that_somebody_makes_up_are_bounded(monkeypatch: pytest.MonkeyPatch, online: bool) -> None:
    """While nothing can be written, none of them is looked up."""
    for name in ("MOST_STRANGERS", "MOST_CHANGED"):
        monkeypatch.setattr(presence_notes, name, 10)
    notes = PresenceNotes()
    for number in range(100):
        notes.note(f"stranger {number}", online, NOON)
    assert notes.unsettled == [f"stranger {number}" for number in range(90, 100)]


def test_who_is_forgotten_does_not_count_as_online(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence_notes, "MOST_STRANGERS", 1)
    network, notes = Network(), PresenceNotes()
    network.apply(REGISTERED)
    network.apply(OFFLINE)
    notes.note("ana", False, NOON)
    notes.note("stranger", False, NOON)
    assert list(notes.changes(network)) == []
