"""The settings of the monitor."""

from typing import Annotated

from msgspec import Struct

from cloud_service.config.setting import Section, Setting
from cloud_service.config.values import COUNT, HOST, NAMES, PORT, TEXT

_HTTP = Section.HTTP


class MonitorSettings(Struct, frozen=True):
    """Port 0 picks a free port, which the monitor logs."""

    host: Annotated[str, Setting("http_host", HOST, _HTTP, "address of the monitor")] = "127.0.0.1"
    port: Annotated[int, Setting("http_port", PORT, _HTTP, "port of the monitor")] = 8080
    names: Annotated[
        tuple[str, ...],
        Setting("http_names", NAMES, _HTTP, "names by which browsers reach the monitor"),
    ] = ("localhost", "127.0.0.1", "::1")
    token: Annotated[
        str | None,
        Setting(
            "http_token",
            TEXT,
            _HTTP,
            "what a viewer has to type; needed beyond the loopback address",
            secret=True,
        ),
    ] = None
    max_viewers: Annotated[int, Setting("http_max_viewers", COUNT, _HTTP, "pages open at once")] = 500
