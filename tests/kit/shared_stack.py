"""A network whose state is in PostgreSQL, with as many services as a test wants."""

from pathlib import Path

from tests.kit.processes import Broker, Process, Stack
from tests.kit.waiting import DEADLINE, wait_until


class SharedStack(Stack):
    """`services` share the requests of the broker, and the database with this URL."""

    def __init__(
        self, folder: Path, state: str, broker: Broker | None = None, /, *, services: int = 1, **settings: str
    ) -> None:
        super().__init__(folder, broker, state=state, **settings)
        self.others = [self._other(number) for number in range(2, services + 1)]

    @property
    def services(self) -> list[Process]:
        """All of them; the first one is `service`."""
        return [self.service, *self.others]

    def start_service(self) -> None:
        super().start_service()
        for other in self.others:
            self.start_other(other)

    def start_other(self, other: Process) -> None:
        """Starts one of the services, and waits until it shares the requests."""
        before = other.log.read_text().count(_CONNECTED) if other.log.exists() else 0
        other.start()

        def is_connected() -> bool:
            other.check()
            return other.log.read_text().count(_CONNECTED) > before

        wait_until(is_connected, f"{other.name} is connected", DEADLINE)

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

    def _other(self, number: int) -> Process:
        other = self._process("service", "cloud_service")
        other.name, other.log = f"service {number}", self.folder / f"service-{number}.log"
        return other


_CONNECTED = "connected to the broker"
