"""Real processes for tests: the broker, the service and the gateway, as they run anywhere else."""

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from types import TracebackType
from typing import Self

from cloud_service.local import mosquitto, ports, presence
from cloud_service.local.processes import end_with_parent
from cloud_service.mqtt.address import BrokerAddress
from tests.kit.waiting import DEADLINE

HOST = "127.0.0.1"
_LANES = 16
"""How many workers of a test run have ports of their own."""
_LANE = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _LANES
_OF_THE_LANE = range(10_000 + _LANE, 32_000, _LANES)
_ports = cycle(random.sample(_OF_THE_LANE, len(_OF_THE_LANE)))


def free_port() -> int:
    """A port on HOST that nobody uses, and that is given to nobody else before a process listens there.

    It lies outside the range that the kernel gives to connections, and no other worker of this test run gives
    it. A worker gives a port again only when it has given all others.
    """
    return next(port for port in _ports if ports.is_free(HOST, port))


def clean_environment(**variables: str) -> dict[str, str]:
    """The environment without any RECHARGE_ variables of the user's shell."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RECHARGE_")}
    return {**inherited, **variables}


class Process:
    """A process that can be started, ended, killed and started again. Start it from the main thread only.

    Linux ends it together with the thread that started it, so that nothing outlives a killed test run.
    """

    def __init__(
        self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = log
        self._command = command
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was not started"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Starts it without waiting until it is ready."""
        assert not self.running, f"{self.name} runs already"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=clean_environment() if self._environment is None else self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=end_with_parent(),
            )

    def stop(self) -> int:
        """Ends it with SIGTERM. Returns its exit status. Raises AssertionError if it does not end."""
        assert self._process is not None, f"{self.name} was not started"
        self._process.terminate()
        try:
            return self._process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} does not end after SIGTERM\n{self.tail()}") from None

    def kill(self) -> None:
        """Ends it with SIGKILL."""
        assert self._process is not None, f"{self.name} was not started"
        self._process.kill()
        self._process.wait()

    def memory(self) -> float:
        """Resident memory in MiB."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def tail(self) -> str:
        """The end of what it printed."""
        return self.log.read_text(errors="replace")[-4000:] if self.log.exists() else ""

    def check(self) -> None:
        """Raises AssertionError if it has ended."""
        assert self.running, f"{self.name} has ended\n{self.tail()}"


class Broker(Process):
    """A Mosquitto with the product's configuration, on a free port. Anybody may do anything there."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        file = mosquitto.write_configuration(folder, self._listeners())
        program = str(mosquitto.find_program("mosquitto"))
        super().__init__("mosquitto", [program, "-c", str(file)], folder / "broker.log")

    def _listeners(self) -> str:
        return mosquitto.open_listener(HOST, self.port)

    @property
    def address(self) -> BrokerAddress:
        return BrokerAddress(HOST, self.port)

    def start(self) -> None:
        """Starts it and waits until it answers."""
        super().start()

        async def accepting() -> None:
            async with asyncio.timeout(DEADLINE):
                waiting = asyncio.create_task(ports.accepting(HOST, self.port))
                while not waiting.done():
                    self.check()
                    await asyncio.wait([waiting], timeout=0.05)

        asyncio.run(accepting())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.running:
            self.stop()


class Stack:
    """Broker, service and gateway on a folder and on free ports: `with Stack(tmp_path) as stack:`.

    `settings` are environment variables of the service and the gateway, without their RECHARGE_.
    A `broker` that is given has to be running, and stays so.
    """

    def __init__(self, folder: Path, broker: Broker | None = None, /, **settings: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.data_dir = folder / "data"
        self.broker = broker or Broker(folder / "broker")
        self.tcp_port = free_port()
        self.environment = clean_environment(
            RECHARGE_DATA_DIR=str(self.data_dir),
            RECHARGE_MQTT_HOST=HOST,
            RECHARGE_MQTT_PORT=str(self.broker.port),
            RECHARGE_TCP_HOST=HOST,
            RECHARGE_TCP_PORT=str(self.tcp_port),
            **{f"RECHARGE_{name.upper()}": value for name, value in settings.items()},
        )
        self._own = () if broker else (self.broker,)
        self.service = self._process("service", "cloud_service")
        self.gateway = self._process("gateway", "gateway")

    def _process(self, command: str, account: str) -> Process:
        words = [sys.executable, "-m", "cloud_service", command]
        environment = {**self.environment, **self._login(account)}
        return Process(command, words, self.folder / f"{command}.log", environment)

    def _login(self, account: str) -> dict[str, str]:
        return {}

    @property
    def mqtt_port(self) -> int:
        return self.broker.port

    @property
    def address(self) -> BrokerAddress:
        return self.broker.address

    def start(self) -> None:
        for broker in self._own:
            broker.start()
        self.start_service()
        self.start_gateway()

    def start_service(self) -> None:
        """Starts the service and waits until it takes requests."""
        self._start(self.service, "cloud_service")

    def start_gateway(self) -> None:
        """Starts the gateway and waits until it takes connections."""
        self._start(self.gateway, "gateway")

    def _start(self, process: Process, presence_name: str) -> None:
        async def start() -> None:
            async with asyncio.timeout(DEADLINE), presence.watch(self.address) as watch:
                process.start()
                online = asyncio.create_task(watch.online(presence_name))
                while not online.done():
                    process.check()
                    await asyncio.wait([online], timeout=0.05)

        asyncio.run(start())

    def stop(self) -> None:
        """Ends what runs, in order. Raises AssertionError if a process failed or logged a traceback."""
        statuses = [
            (process.name, process.stop())
            for process in (self.gateway, self.service, *self._own)
            if process.running
        ]
        assert all(status == 0 for _, status in statuses), statuses
        for process in (self.gateway, self.service):
            log = process.log.read_text(errors="replace") if process.log.exists() else ""
            assert "Traceback" not in log, log[log.index("Traceback") :][:4000]

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.stop()
        else:
            self.kill()

    def kill(self) -> None:
        """Ends what runs, at once."""
        for process in (self.gateway, self.service, *self._own):
            if process.running:
                process.kill()

    def recharge(self, *words: str, timeout: float = DEADLINE) -> "subprocess.CompletedProcess[str]":
        """Runs a command of `recharge` against this network."""
        return subprocess.run(
            [sys.executable, "-m", "cloud_service", *words],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            check=False,
        )
