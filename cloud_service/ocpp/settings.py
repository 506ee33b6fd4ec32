"""The settings of the OCPP gateway."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from msgspec import Struct

from cloud_service.config.setting import Section, Setting
from cloud_service.config.values import COUNT, FILE, HOST, MINUTES_OR_NONE, PORT, SECONDS, SWITCH

_OCPP = Section.OCPP


class OcppAddress(Struct, frozen=True):
    """Where the gateway listens. Port 0 picks a free port, which the gateway logs."""

    host: Annotated[str, Setting("ocpp_host", HOST, _OCPP, "address of the OCPP gateway")] = "127.0.0.1"
    port: Annotated[int, Setting("ocpp_port", PORT, _OCPP, "port of the OCPP gateway")] = 9000


class OcppSettings(OcppAddress, frozen=True):
    """A certificate turns on TLS (security profile 2); an authority turns on charger certificates (profile
    3).
    """

    certificate_file: Annotated[
        Path | None, Setting("ocpp_certificate_file", FILE, _OCPP, "certificate of the gateway; turns on TLS")
    ] = None
    key_file: Annotated[
        Path | None, Setting("ocpp_key_file", FILE, _OCPP, "key of the gateway's certificate")
    ] = None
    ca_file: Annotated[
        Path | None,
        Setting(
            "ocpp_ca_file",
            FILE,
            _OCPP,
            "authority of the chargers' certificates, which log in without a password",
        ),
    ] = None
    heartbeat: Annotated[
        float, Setting("ocpp_heartbeat", SECONDS, _OCPP, "time between a charger's heartbeats")
    ] = 300.0
    reserved_only: Annotated[
        bool,
        Setting("ocpp_reserved_only", SWITCH, _OCPP, "whether only vehicles with a reservation may charge"),
    ] = False
    reserve_before: Annotated[
        timedelta,
        Setting(
            "ocpp_reserve_before",
            MINUTES_OR_NONE,
            _OCPP,
            "how long before its start a reservation is shown at the charger; 0: never",
        ),
    ] = timedelta(minutes=15)
    deadline: Annotated[
        float,
        Setting("ocpp_deadline", SECONDS, _OCPP, "longest wait for the service, and for a charger's answer"),
    ] = 15.0
    max_connections: Annotated[int, Setting("ocpp_max_connections", COUNT, _OCPP, "chargers at once")] = 4000
    max_logins: Annotated[
        int,
        Setting("ocpp_max_logins", COUNT, _OCPP, "logins that the broker checks at once; further ones wait"),
    ] = 20
    max_wrong_passwords: Annotated[
        int,
        Setting(
            "ocpp_max_wrong_passwords",
            COUNT,
            _OCPP,
            "wrong passwords of a charger in a minute, after which its logins are refused unchecked",
        ),
    ] = 5
