"""Where the broker is, and as whom to connect to it."""

from pathlib import Path
from typing import Annotated

from msgspec import Struct

from cloud_service.config.setting import Section, Setting
from cloud_service.config.values import FILE, HOST, NAME, PORT, TEXT

_BROKER = Section.BROKER


class BrokerEndpoint(Struct, frozen=True):
    """Where the broker listens."""

    host: Annotated[str, Setting("mqtt_host", HOST, _BROKER, "host of the broker")] = "127.0.0.1"
    port: Annotated[int, Setting("mqtt_port", PORT, _BROKER, "port of the broker")] = 1883


class BrokerAddress(BrokerEndpoint, frozen=True):
    """`user` is the account's name. A `ca_file` turns on TLS; a client certificate is optional."""

    user: Annotated[
        str | None,
        Setting("mqtt_user", NAME, _BROKER, "account at the broker; an open broker needs none"),
    ] = None
    password: Annotated[
        str | None, Setting("mqtt_password", TEXT, _BROKER, "the account's password", secret=True)
    ] = None
    ca_file: Annotated[
        Path | None,
        Setting("mqtt_ca_file", FILE, _BROKER, "authority of the broker's certificate; turns on TLS"),
    ] = None
    certificate_file: Annotated[
        Path | None, Setting("mqtt_certificate_file", FILE, _BROKER, "client certificate, for mutual TLS")
    ] = None
    key_file: Annotated[
        Path | None, Setting("mqtt_key_file", FILE, _BROKER, "key of the client certificate")
    ] = None

    def __repr__(self) -> str:
        """Without the password, because this may be logged."""
        return f"{self.user or 'anonymous'}@{self.host}:{self.port}"
