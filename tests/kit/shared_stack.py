"""A network whose state is in PostgreSQL, with as many services as a test wants."""

import sys
from collections.abc import Sequence
from pathlib import Path

from tests.kit.processes import Broker, Process, Stack
from tests.kit.waiting import DEADLINE, wait_until

SERVICE = (sys.executable, "-m", "cloud_service", "service")
"""The command line of a service."""


class SharedStack(Stack):
    """`services` share the requests of the broker, and the database with the URL `state`.

    With `through`, they reach it at this other URL.
    """

    def __init__(
        self,
        folder: Path,
        broker: Broker | None = None,
        /,
        *,
        state: str,
        through: str = "",
        services: int = 1,
        **settings: str,
    ) -> None:
        super().__init__(folder, broker, state=through or state, **settings)
        self.state = state
        self.others = [self._other(number) for number in range(2, services + 1)]

    @property
    def services(self) -> list[Process]:
        """All of them; the first one is `service`."""
        return [self.service, *self.others]

    def start_service(self) -> None:
        super().start_service()
        self.start_others(self.others)

    def start_other(self, other: Process) -> None:
        """Starts one of the services, and waits until it shares the requests."""
        self.start_others([other])

    def start_others(self, others: Sequence[Process]) -> None:
        """Starts some of the services at once, and waits until all of them share the requests."""
        before = {other.name: _connections(other) for other in others}
        for other in others:
            other.start()

        def are_connected() -> bool:
            for other in others:
                other.check()
            return all(_connections(other) > before[other.name] for other in others)

        wait_until(are_connected, "the services are connected", DEADLINE)

    def stop(self) -> None:
        for other in self.others:
            if other.running:
                assert other.stop() == 0, other.tail()
            log = other.log.read_text(errors="replace") if other.log.exists() else ""
            assert "Traceback" not in log, log[log.index("Traceback") :][:4000]
        super().stop()

    def kill(self) -> None:
        for other in self.others:
            if other.running:
                other.kill()
        super().kill()

    def run_instead(self, words: Sequence[str] = SERVICE, **variables: str) -> None:
        """Gives its services, which were not started yet, another command line or environment."""
        environment = {**self.environment, **variables}
        self.service, *self.others = [
            Process(service.name, words, service.log, environment) for service in self.services
        ]

    def _other(self, number: int) -> Process:
        other = self._process("service", "cloud_service")
        other.name, other.log = f"service {number}", self.folder / f"service-{number}.log"
        return other


def _connections(service: Process) -> int:
    """How often it has connected to a broker so far."""
    return service.log.read_text().count("connected to the broker") if service.log.exists() else 0
