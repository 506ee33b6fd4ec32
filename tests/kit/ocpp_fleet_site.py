"""Accounts and places for a fleet of chargers with OCPP, made as fast as thousands need it."""

import json
from pathlib import Path

from cloud_service.protocol import ocpp
from tests.kit.mqtt import MqttConnection
from tests.kit.ocpp_fleet import PASSWORD, identity
from tests.kit.secured import SecuredBroker

_NAMES = ("username", "clientid", "rolename")


def make_accounts(broker: SecuredBroker, folder: Path, count: int) -> dict[str, str]:
    """Of a gateway and of the chargers. Returns the gateway's login, as its settings. Restarts the broker."""
    password = broker.accounts(lambda accounts: accounts.add("ocpp-gateway", "ocpp-gateway"))
    broker.accounts(lambda accounts: accounts.add(identity(0), "charger", PASSWORD, ocpp=True))
    broker.stop()
    file = broker.folders.plugin_file
    file.write_text(json.dumps(_multiplied(json.loads(file.read_text()), count)))
    broker.start()
    password_file = folder / "ocpp.password"
    password_file.write_text(password)
    return {"mqtt_user": "ocpp-gateway", "mqtt_password_file": str(password_file)}


def give_places(operator: MqttConnection, count: int, apart: float = 1.0) -> None:
    """A point for each charger, in a row that begins far away."""
    for number in range(count):
        place = {
            "x_position": 1_000 + number * apart,
            "y_position": 1_000,
            "points": [{"connector": 1, "power": 22, "kWhPrice": 1}],
        }
        operator.publish(ocpp.place(identity(number)), json.dumps(place).encode(), retain=True)


def _multiplied(state: dict[str, object], count: int) -> dict[str, object]:
    """The plugin's file, with so many chargers like the first one."""
    return {key: _like_the_first(value, count) for key, value in state.items()}


def _like_the_first(rows: object, count: int) -> object:
    """Each row of a list that is about the first charger, once for each."""
    if not isinstance(rows, list):
        return rows
    made: list[object] = []
    for row in rows:
        text = json.dumps(row)
        if not isinstance(row, dict) or identity(0) not in text:
            made.append(row)
        elif any(identity(0) in str(row.get(name)) for name in _NAMES):
            made += [json.loads(text.replace(identity(0), identity(number))) for number in range(count)]
        else:
            made.append({key: _like_the_first(value, count) for key, value in row.items()})
    return made
