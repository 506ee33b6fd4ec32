"""Runs in Pyodide, on Home Assistant's own code: reads discovery messages, and renders their templates.

Home Assistant's schemas and templates are the real ones. Libraries that it imports, and that reading messages
does not need, are hollow: most are compiled, and Pyodide has no such wheels.
"""

import asyncio
import importlib.abc
import importlib.machinery
import json
import logging
import sys
import threading
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

NOT_NEEDED = frozenset(
    (
        "aiohttp",
        "aiohttp_cors",
        "aiozoneinfo",
        "annotatedyaml",
        "async_interrupt",
        "atomicwrites",
        "ciso8601",
        "cryptography",
        "hass_nabucasa",
        "httpx2",
        "ifaddr",
        "jwt",
        "multidict",
        "packaging",
        "paho",
        "propcache",
        "truststore",
        "ulid_transform",
        "webrtc_models",
        "yaml",
        "yarl",
    )
)


class Nothing(type):
    """A class, a decorator or a function of a library that is not needed."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing(name, (), {})

    def __call__(cls, *arguments: Any, **_: Any) -> Any:
        decorated = arguments[0] if len(arguments) == 1 and callable(arguments[0]) else None
        return decorated or Nothing(cls.__name__, (), {})

    def __getitem__(cls, _: object) -> Any:
        return cls

    def __or__(cls, _: object) -> Any:
        return cls

    __ror__ = __or__


class Hollow(ModuleType):
    """A library that is not needed: it has every name."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        is_error = name.endswith(("Error", "Exception"))
        found = type(name, (Exception,), {}) if is_error else Nothing(name, (), {})
        setattr(self, name, found)
        return found


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the libraries that are not needed."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name.partition(".")[0] not in NOT_NEEDED:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return Hollow(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


class Cache(dict[Any, Any]):
    def __init__(self, _size: int) -> None:
        super().__init__()


def prepare() -> None:
    """Makes Home Assistant importable. Two compiled libraries that it does need have stand-ins."""
    sys.path[:0] = map(str, Path("/wheels").glob("*.whl"))
    sys.meta_path.append(Finder())
    orjson, lru = Hollow("orjson"), Hollow("lru")
    vars(orjson).update(loads=json.loads, JSONDecodeError=json.JSONDecodeError)
    vars(orjson).update(dict.fromkeys(("OPT_NON_STR_KEYS", "OPT_INDENT_2", "OPT_SORT_KEYS"), 0))
    vars(lru).update(LRU=Cache)
    sys.modules.update(orjson=orjson, lru=lru)


class Warnings(logging.Handler):
    """What Home Assistant would write to its log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


async def read(text: str) -> str:
    """Takes sets of messages by name, and returns for each what Home Assistant makes of it, all in JSON."""
    prepare()
    vars(asyncio.get_running_loop())["_thread_id"] = threading.get_ident()
    return json.dumps({name: read_all(messages) for name, messages in json.loads(text).items()})


def read_all(messages: dict[str, str]) -> dict[str, Any]:
    """Home Assistant's version and warnings, each sensor with what it shows, and what takes it back."""
    from homeassistant.const import __version__
    from homeassistant.core import HomeAssistant

    warnings = Warnings()
    logging.getLogger().addHandler(warnings)
    home = HomeAssistant("/home")
    told = [topic for topic in messages if topic.startswith("homeassistant/") and topic.endswith("/config")]
    sensors = [sensor for topic in told for sensor in sensors_of(home, topic, messages)]
    taken_back = taken_back_by(home, told, [sensor["known_as"] for sensor in sensors])
    logging.getLogger().removeHandler(warnings)
    return {
        "version": __version__,
        "warnings": warnings.texts,
        "sensors": sensors,
        "taken_back": taken_back,
    }


def parsed(home: Any, topic: str, payload: str) -> tuple[str, str, dict[str, Any]]:
    """The two names in the topic, and what Home Assistant reads in the payload."""
    from homeassistant.components.mqtt import discovery

    match = discovery.TOPIC_MATCHER.fullmatch(topic.removeprefix("homeassistant/"))
    assert match is not None, topic
    component, node, name = match.groups()
    assert component == "device"
    read = discovery._parse_device_payload(home, payload=payload, topic=topic, object_id=name, node_id=node)
    return node, name, read


def taken_back_by(home: Any, told: list[str], known: list[tuple[str, str]]) -> dict[str, list[str]]:
    """For each topic, which of the sensors that are known an empty message there takes back."""
    from homeassistant.components.mqtt.models import DATA_MQTT

    home.data[DATA_MQTT] = SimpleNamespace(
        discovery_already_discovered=set(known), discovery_discovered_and_disabled={}
    )
    return {topic: sorted(parsed(home, topic, "")[2].get("components", ())) for topic in told}


def sensors_of(home: Any, topic: str, messages: dict[str, str]) -> list[dict[str, Any]]:
    """The sensors of a message, with the steps that Home Assistant takes when it receives one."""
    from homeassistant.components.mqtt import binary_sensor, discovery, sensor

    node, name, read = parsed(home, topic, messages[topic])
    found = []
    for key, entry in read.get("components", {}).items():
        platform = entry.pop("platform")
        if not entry:  # this takes a sensor back
            continue
        told = discovery.MQTTDiscoveryPayload(entry)
        told.update(device=read["device"], origin=read["origin"])
        discovery._merge_common_device_options(told, read)
        schema = {"sensor": sensor, "binary_sensor": binary_sensor}[platform].DISCOVERY_SCHEMA
        checked = schema(dict(told))
        found.append(
            {
                "known_as": (platform, f"{name} {node} {key}"),
                "unique_id": checked["unique_id"],
                "device": checked["device"]["identifiers"],
                "name": f"{checked['device']['name']} {checked['name']}",
                "dropped": sorted(set(told) - set(checked)),
                "shows": rendered(checked["value_template"], messages.get(checked["state_topic"], "")),
                "cleared": rendered(checked["value_template"], ""),
                "available": rendered(
                    checked["availability_template"], messages[checked["availability_topic"]]
                ),
            }
        )
    return found


def rendered(template: Any, payload: str) -> Any:
    from homeassistant.components.mqtt.models import MqttValueTemplate

    return MqttValueTemplate(template).async_render_with_possible_json_value(payload)
