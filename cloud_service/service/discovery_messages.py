"""What Home Assistant has to know of a device (docs/guests.md): its sensors, and where their values are."""

from typing import Any, Final, get_args

from cloud_service import __version__
from cloud_service.core.records import GATEWAY, Availability, Station
from cloud_service.protocol import home_assistant, topics
from cloud_service.protocol.home_assistant import Subject
from cloud_service.protocol.roles import SERVICE

_ONLINE: Final = "value_json is defined and value_json.online"
"""Presence may be cleared: then there is no JSON."""
_MEASURED: Final = {"state_class": "measurement"}


def discovery(station: Station, sensors: dict[str, Any]) -> dict[str, Any]:
    """A message of device discovery, with the keys that Home Assistant documents."""
    return {
        "device": {
            "identifiers": [f"recharge_{station.station_id}"],
            "name": station.name or f"Station {station.station_id}",
            "manufacturer": "recharge",
            "model": "Charging station",
        },
        "origin": {"name": "recharge", "sw_version": __version__},
        "availability_topic": topics.service(SERVICE),
        "availability_template": f"{{{{ 'online' if {_ONLINE} else 'offline' }}}}",
        "components": sensors,
    }


def station_sensors(station: Station) -> dict[str, Any]:
    """The sensors of a station. Its charger's presence is one, unless the station is a legacy client's."""
    number = station.station_id
    online: dict[str, Any] = {"platform": "binary_sensor"}  # nothing but this removes one that was there
    if station.owner != GATEWAY:
        online |= {
            "unique_id": f"recharge_{number}_online",
            "name": "Charger",
            "device_class": "connectivity",
            "entity_category": "diagnostic",
            "state_topic": topics.presence(station.owner),
            "value_template": f"{{{{ 'ON' if {_ONLINE} else 'OFF' }}}}",
        }
    free = home_assistant.topic_of(Subject("free", number))
    state = topics.station_state(number)
    return {
        "free": _sensor(f"recharge_{number}_free", "Free points", free, "freePoints", **_MEASURED),
        "points": _sensor(f"recharge_{number}_points", "Points", state, "chargingPoints", **_MEASURED),
        "online": online,
    }


def point_sensors(station_id: int, point_id: int) -> dict[str, Any]:
    """The sensors of a point. A price has no unit: the network knows no currency."""
    topic = topics.point_state(station_id, point_id)

    def sensor(key: str, name: str, value: str, **more: object) -> dict[str, Any]:
        unique_id = f"recharge_{station_id}_{point_id}_{key}"
        return _sensor(unique_id, f"Point {point_id} {name}", topic, value, **more)

    words = {"device_class": "enum", "options": list(get_args(Availability))}
    power = {"device_class": "power", "unit_of_measurement": "kW", **_MEASURED}
    return {
        "availability": sensor("availability", "availability", "availability", **words),
        "power": sensor("power", "power", "power", **power),
        "price": sensor("price", "price per kWh", "kWhPrice", **_MEASURED),
        "queue": sensor("queue", "queue", "queueLength", **_MEASURED),
        "charging": {
            "platform": "binary_sensor",
            "unique_id": f"recharge_{station_id}_{point_id}_charging",
            "name": f"Point {point_id} charging",
            "state_topic": topic,
            "value_template": _on_if("value_json.session"),
        },
        "problem": {
            "platform": "binary_sensor",
            "unique_id": f"recharge_{station_id}_{point_id}_problem",
            "name": f"Point {point_id} out of order",
            "device_class": "problem",
            "state_topic": topic,
            "value_template": _on_if("not value_json.operational"),
        },
    }


def _on_if(condition: str) -> str:
    """A template for a binary sensor that is unknown once the topic was cleared."""
    return f"{{{{ ('ON' if {condition} else 'OFF') if value_json is defined else None }}}}"


def _sensor(unique_id: str, name: str, topic: str, value: str, **more: object) -> dict[str, Any]:
    """A sensor that shows a value of the JSON on the topic, and nothing once the topic was cleared."""
    return {
        "platform": "sensor",
        "unique_id": unique_id,
        "name": name,
        "state_topic": topic,
        "value_template": f"{{{{ value_json.{value} if value_json is defined else None }}}}",
        **more,
    }
