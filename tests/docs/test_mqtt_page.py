"""The tables of docs/mqtt.md agree with the code."""

import re
from typing import get_args

from cloud_service.core import changes
from cloud_service.protocol.actions import CLIENT_ACTIONS
from cloud_service.protocol.errors import ERRORS
from tests.docs.pages import ROOT, Page

ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in Page(ROOT / "docs" / "mqtt.md").prose
    if line.startswith("| `")
]


def code(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def test_actions_and_keys() -> None:
    shown = {action: code(row[1]) for row in ROWS if (action := code(row[0])[0]) in CLIENT_ACTIONS}
    assert list(shown) == list(CLIENT_ACTIONS)
    for action, keys in shown.items():
        assert sorted(keys) == sorted(CLIENT_ACTIONS[action].keys), action


def test_errors() -> None:
    shown = {name: row[2] for row in ROWS if (name := code(row[0])[0]) in ERRORS}
    assert list(shown) == list(ERRORS)
    for name, retry in shown.items():
        assert retry.startswith("yes" if ERRORS[name].retryable else "no")


def test_events_and_reasons() -> None:
    types = get_args(changes.EventType)
    shown = {name: code(row[1]) for row in ROWS if (name := code(row[0])[0]) in types}
    assert tuple(shown) == types
    reasons = [reason for row in shown.values() for reason in row]
    assert sorted(reasons) == sorted(get_args(changes.Reason))
