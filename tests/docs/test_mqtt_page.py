"""The tables of docs/mqtt.md agree with the code."""

import re
from typing import get_args

from cloud_service.core import changes
from cloud_service.core.life import TRANSITIONS
from cloud_service.protocol.actions import CLIENT_ACTIONS
from cloud_service.protocol.errors import ERRORS
from tests.docs.pages import ROOT, Page

ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in Page(ROOT / "docs" / "mqtt.md").prose
    if line.startswith(("| `", "| |"))
]


def code(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def name(row: list[str]) -> str:
    """The first word of a row in code; empty for a row that continues the one before."""
    return next(iter(code(row[0])), "")


def test_actions_and_keys() -> None:
    shown = {action: code(row[1]) for row in ROWS if (action := name(row)) in CLIENT_ACTIONS}
    assert list(shown) == list(CLIENT_ACTIONS)
    for action, keys in shown.items():
        if action == "quoteReservation":
            keys.remove("scheduleReservation")
        assert sorted(keys) == sorted(CLIENT_ACTIONS[action].keys), action


def test_errors() -> None:
    shown = {error: row[2] for row in ROWS if (error := name(row)) in ERRORS}
    assert list(shown) == list(ERRORS)
    for error, retry in shown.items():
        assert retry.startswith("yes" if ERRORS[error].retryable else "no")


def test_events_and_reasons() -> None:
    shown: dict[str, list[str]] = {}
    event = ""
    for row in ROWS:
        event = name(row) or event
        if event in get_args(changes.EventType):
            shown.setdefault(event, []).extend(code(row[1]))
    assert list(shown) == list(get_args(changes.EventType))
    assert {reason for reasons in shown.values() for reason in reasons} == set(get_args(changes.Reason))
    for reasons in shown.values():
        assert len(reasons) == len(set(reasons))


def test_the_events_of_the_state_machine_are_on_the_page() -> None:
    told = {(row.event, row.reason) for row in TRANSITIONS.values() if row.event is not None}
    assert {reason for _, reason in told} == set(get_args(changes.Reason))
    assert {event for event, _ in told} == set(get_args(changes.EventType))
