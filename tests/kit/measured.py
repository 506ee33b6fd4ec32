"""A network whose service and gateway each serve metrics."""

from pathlib import Path

from tests.kit.processes import Process, Stack, free_port


class MeasuredStack(Stack):
    """`ports` are those of the endpoints."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.ports = {"service": free_port(), "gateway": free_port()}
        super().__init__(folder, None, **settings)

    def _process(self, command: str, account: str) -> Process:
        self.environment["RECHARGE_METRICS_PORT"] = str(self.ports[command])
        return super()._process(command, account)
