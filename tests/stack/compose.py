"""The product's own compose file, started under names and on ports of a test's own."""

import json
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import randrange
from typing import Any
from uuid import uuid4

from pytest_docker.plugin import get_docker_services

from cloud_service.local import ports
from cloud_service.mqtt.address import BrokerAddress
from tests.kit.waiting import wait_until

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"
EVERYWHERE = "0.0.0.0"
VERSIONS = {"2.0": (), "2.1": (Path(__file__).parent / "mosquitto-2.1.yml",)}
"""Mosquitto's, and what each needs beside the product's compose file."""
PATIENCE = 240
LASTING = ("mosquitto", "cloud_service", "gateway", "monitor", "ocpp_gateway")
"""The services that run until somebody stops them."""


def docker(*words: str, stdin: bytes | None = None) -> str:
    """What a docker command prints. Raises AssertionError if it fails."""
    done = subprocess.run(["docker", *words], capture_output=True, timeout=PATIENCE, check=False, input=stdin)
    printed = done.stdout.decode()
    assert done.returncode == 0, f"docker {shlex.join(words)}\n{printed}{done.stderr.decode()}"
    return printed


def inspected(container: str) -> dict[str, Any]:
    """What the engine says of a container."""
    found: dict[str, Any] = json.loads(docker("inspect", container))[0]
    return found


def is_healthy(container: str) -> bool:
    """Whether its last health check has passed."""
    return bool(inspected(container)["State"].get("Health", {}).get("Status") == "healthy")


def missing() -> str | None:
    """Why the stack cannot be started here; None if it can."""
    for words in (["docker", "info"], ["docker", "compose", "version"]):
        try:
            subprocess.run(words, capture_output=True, timeout=60, check=True)
        except (OSError, subprocess.SubprocessError):
            return f"no Docker engine with Compose answers: `{shlex.join(words)}` fails"
    return None


def _free_ports(count: int) -> list[int]:
    """Ports that nobody has, from a range that the system takes none from for outgoing connections.

    A stack restarts on its ports, and nothing else may take them in between.
    """
    found: list[int] = []
    while len(found) < count:
        port = randrange(20_000, 30_000)
        if port not in found and ports.is_free(EVERYWHERE, port):
            found.append(port)
    return found


class ComposeStack:
    """A stack of its own: `folder` keeps its settings, `project` the folder with the compose file.

    `lasting` are the services that run until somebody stops them.
    """

    lasting: tuple[str, ...] = LASTING

    def __init__(self, folder: Path, version: str, project: Path = ROOT, image: str | None = None) -> None:
        self.name = f"recharge-test-{uuid4().hex[:8]}"
        self.image = image or f"{self.name}:test"
        self.network = f"{self.name}-manager"
        self.tls_port, self.mqtt_port, self.tcp_port, self.http_port, self.ocpp_port = _free_ports(5)
        self.files: tuple[Path, ...] = (project / "docker-compose.yml", *VERSIONS[version])
        self.environment = folder / f"{self.name}.env"
        self.settings = {
            "RECHARGE_IMAGE": self.image,
            "RECHARGING_MANAGER_NETWORK": self.network,
            "MOSQUITTO_CONTAINER": f"{self.name}-mosquitto",
            "CLOUD_SERVICE_CONTAINER": f"{self.name}-service",
            "CLOUD_SERVER_CONTAINER": f"{self.name}-server",
            "BROKER_NAMES": f"localhost,{HOST},broker.test",
            "MQTT_TLS_PORT": str(self.tls_port),
            "MQTT_PORT": str(self.mqtt_port),
            "TCP_PORT": str(self.tcp_port),
            "HTTP_PORT": str(self.http_port),
            "OCPP_PORT": str(self.ocpp_port),
        }
        self.write_settings()

    def write_settings(self, **more: str) -> None:
        self.settings |= more
        lines = (f"{name}={value}\n" for name, value in self.settings.items())
        self.environment.write_text("".join(lines))

    def take_over(self, before: "ComposeStack") -> None:
        """Becomes the next version of that stack: the same names, ports and volumes, an image of its own."""
        self.name, self.network = before.name, before.network
        self.tls_port, self.mqtt_port = before.tls_port, before.mqtt_port
        self.tcp_port, self.http_port = before.tcp_port, before.http_port
        self.ocpp_port = before.ocpp_port
        self.settings = before.settings | {"RECHARGE_IMAGE": self.image}
        self.write_settings()

    @property
    def _command(self) -> list[str]:
        return ["docker", "compose", "--env-file", str(self.environment)]

    def compose(self, *words: str, stdin: bytes | None = None) -> str:
        """What a command of Compose prints to standard output. Raises AssertionError if it fails."""
        files = (word for file in self.files for word in ("-f", str(file)))
        return docker(*self._command[1:], *files, "-p", self.name, *words, stdin=stdin)

    @contextmanager
    def running(self) -> Iterator["ComposeStack"]:
        """Up, and in all cases down again with everything that it made."""
        with ExitStack() as stack:
            stack.callback(self.remove)
            services = get_docker_services(
                shlex.join(self._command),
                [str(file) for file in self.files],
                self.name,
                ["up --build -d"],
                [],
            )
            stack.enter_context(services)
            self.wait_healthy()
            yield self

    def remove(self) -> None:
        self.compose("--profile", "*", "down", "-v", "--rmi", "local", "--timeout", "5", "--remove-orphans")
        subprocess.run(["docker", "image", "rm", "-f", self.image], capture_output=True, check=False)

    def up(self) -> None:
        self.compose("up", "--build", "-d")
        self.wait_healthy()

    def containers(self, service: str) -> list[str]:
        """The IDs of a service's containers."""
        return self.compose("ps", "-a", "-q", service).split()

    def container(self, service: str) -> str:
        """The ID of the container of a service that has one."""
        (container,) = self.containers(service)
        return container

    def inspect(self, service: str) -> dict[str, Any]:
        """What the engine says of the container of a service that has one."""
        return inspected(self.container(service))

    def wait_healthy(self) -> None:
        """Waits for those of the lasting services that this version of the product has."""
        known = self.compose("config", "--services").split()
        for service in (name for name in self.lasting if name in known):
            wait_until(
                lambda service=service: all(map(is_healthy, self.containers(service))),
                f"{service} is healthy",
                PATIENCE,
            )

    def kill(self, container: str) -> None:
        """SIGKILL to its process, from outside, as the machine does when memory runs out. It starts again."""
        pid = inspected(container)["State"]["Pid"]
        options = ("--rm", "--pid", "host", "--user", "0", "--entrypoint", "python")
        docker("run", *options, self.image, "-c", f"import os; os.kill({pid}, 9)")
        wait_until(
            lambda: inspected(container)["State"]["Pid"] not in (0, pid), f"{container} is started again", 120
        )

    def accounts(self, *words: str) -> str:
        """`recharge accounts`, as the documentation says to call it."""
        return self.compose("run", "--rm", "-T", "accounts", *words).strip()

    def copy_ca(self, folder: Path) -> Path:
        """The authority's certificate, for clients."""
        file = folder / "ca.crt"
        docker("cp", f"{self.container('mosquitto')}:/mosquitto/certificates/ca.crt", str(file))
        return file

    def address(self, account: str, password: str, ca_file: Path) -> BrokerAddress:
        return BrokerAddress(HOST, self.tls_port, account, password, ca_file)

    def logs(self) -> str:
        return self.compose("logs", "--no-color")


class Charger:
    """An account of this stack."""

    def __init__(self, stack: ComposeStack, name: str, ca_file: Path) -> None:
        self.name = name
        self.ca_file = ca_file
        self.password = stack.accounts("add", name, "--role", "charger")
