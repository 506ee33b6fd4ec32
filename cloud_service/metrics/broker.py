"""The broker's own figures, from its `$SYS` topics, under the names of sapcc's mosquitto-exporter.

Dashboards that were made for that exporter work unchanged. Its names do not begin with `recharge_`, and
what only grows does not end in `_total`; so Prometheus is told no type.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client.core import UnknownMetricFamily
from prometheus_client.registry import Collector

TOPICS: Final = "$SYS/broker/#"
"""What a connection subscribes to for these figures."""
_LEFT_OUT: Final = frozenset(
    f"$SYS/broker/{name}" for name in ("timestamp", "version", "clients/active", "clients/inactive")
)
"""The exporter leaves them out: two are no numbers, and two have newer names."""
_NAME: Final = re.compile(r"broker_[A-Za-z0-9_]{1,200}")
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?")


class BrokerCollector(Collector):
    """Takes the messages of the topics, and serves the last values while the broker is there.

    One thread may receive while others collect.
    """

    def __init__(self, connected: Callable[[], bool]) -> None:
        self._connected = connected
        self._values: dict[str, tuple[str, float]] = {}

    def receive(self, topic: str, payload: bytes) -> None:
        """Takes a message. What is no number is left out; of `123 seconds`, the number counts."""
        name = topic.removeprefix("$SYS/").replace("/", "_").replace(" ", "_")
        number = _NUMBER.search(payload[:100].decode("ascii", "replace"))
        if topic not in _LEFT_OUT and number is not None and _NAME.fullmatch(name):
            self._values[name] = (topic, float(number[0]))

    def describe(self) -> list[UnknownMetricFamily]:
        """Nothing: otherwise registering would ask for figures before there are any."""
        return []

    def collect(self) -> Iterator[UnknownMetricFamily]:
        """Old values would look as if the broker were still there, so without it there are none."""
        if self._connected():
            for name, (topic, value) in dict(self._values).items():
                yield UnknownMetricFamily(name, topic, value=value)
