"""The real monitor as a process, beside a network of tests.kit.processes."""

import sys
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.kit.processes import HOST, Process, Stack, free_port
from tests.kit.waiting import wait_until


class Monitor(Process):
    """`with Monitor(stack) as monitor:`; `settings` are environment variables without their RECHARGE_."""

    def __init__(self, stack: Stack, folder: Path | None = None, **settings: str) -> None:
        self.port = free_port()
        environment = {
            **stack.environment,
            "RECHARGE_HTTP_PORT": str(self.port),
            **{f"RECHARGE_{name.upper()}": value for name, value in settings.items()},
        }
        words = [sys.executable, "-m", "cloud_service", "monitor"]
        log = (folder or stack.folder) / f"monitor-{self.port}.log"
        super().__init__("monitor", words, log, environment)

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Starts it and waits until it answers."""
        super().start()
        wait_until(self._answers, "the monitor answers")

    def _answers(self) -> bool:
        self.check()
        try:
            with urllib.request.urlopen(f"{self.address}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.running:
            return
        if error is not None:
            self.kill()
        else:
            assert self.stop() == 0, self.tail()
            assert "Traceback" not in self.tail()
