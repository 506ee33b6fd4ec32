"""HAProxy with the configuration of deploy/, in front of the brokers of a test."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.kit.processes import HOST, Broker, Process, clean_environment, free_port

DEPLOY = Path(__file__).parents[2] / "deploy"
PROGRAM = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/local/sbin:/usr/sbin")
MISSING = "HAProxy is missing: install it with: apt-get install haproxy"


class Balancer(Process):
    """Listens on `port`, and with the certificate also on `tls_port`. It was not started yet."""

    def __init__(self, folder: Path, brokers: Sequence[Broker], certificate: Path | None = None) -> None:
        self.port, self.tls_port = free_port(), free_port()
        files = [DEPLOY / "haproxy.cfg"]
        variables = {f"BROKER_{number}": f"{HOST}:{broker.port}" for number, broker in enumerate(brokers, 1)}
        variables["MQTT_BIND"] = f"{HOST}:{self.port}"
        if certificate is not None:
            files.append(DEPLOY / "haproxy-tls.cfg")
            variables |= {"MQTT_TLS_BIND": f"{HOST}:{self.tls_port}", "MQTT_CERTIFICATE": str(certificate)}
        words = [str(PROGRAM), *(word for file in files for word in ("-f", str(file)))]
        super().__init__("haproxy", words, folder / "haproxy.log", clean_environment(**variables))
