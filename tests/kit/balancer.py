"""HAProxy with the configuration of deploy/, in front of the brokers of a test."""

import shutil
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cloud_service.mqtt.address import BrokerAddress
from tests.kit.processes import HOST, Broker, Process, Stack, clean_environment, free_port
from tests.kit.shared_stack import SharedStack
from tests.kit.waiting import DEADLINE, wait_until

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

    def start(self) -> None:
        """Starts it and waits until it listens."""
        super().start()
        _wait_for_listener(self, self.port)


class BalancedStack(Stack):
    """Two brokers behind HAProxy. The service knows both, and everybody else reaches one of them."""

    def __init__(self, folder: Path, /, **settings: Any) -> None:
        self.brokers = [Broker(folder / f"broker-{number}") for number in (1, 2)]
        self.balancer = Balancer(folder, self.brokers)
        super().__init__(folder, self.brokers[0], **settings)

    def _login(self, account: str) -> dict[str, str]:
        if account == "cloud_service":
            return {"RECHARGE_MQTT_HOST": ",".join(f"{HOST}:{broker.port}" for broker in self.brokers)}
        return {"RECHARGE_MQTT_PORT": str(self.balancer.port)}

    @property
    def address(self) -> BrokerAddress:
        return BrokerAddress(HOST, self.balancer.port)

    def start(self) -> None:
        for broker in self.brokers:
            broker.start()
        self.balancer.start()
        super().start()

    def start_gateway(self) -> None:
        """Waits for its port, because it tells its presence at one of the brokers only."""
        self.gateway.start()
        _wait_for_listener(self.gateway, self.tcp_port)

    def stop(self) -> None:
        super().stop()
        self.kill()

    def kill(self) -> None:
        super().kill()
        for process in (self.balancer, *self.brokers):
            if process.running:
                process.kill()


class BalancedSharedStack(BalancedStack, SharedStack):
    """The same with several services that share the requests of both brokers, and a database."""


def _wait_for_listener(process: Process, port: int) -> None:
    def listens() -> bool:
        process.check()
        try:
            socket.create_connection((HOST, port), DEADLINE).close()
        except ConnectionRefusedError:
            return False
        return True

    wait_until(listens, f"{process.name} listens")
