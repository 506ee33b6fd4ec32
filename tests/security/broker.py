"""A secured broker of the test's own, with what `recharge up --secure` makes for it."""

import asyncio
import os
import subprocess
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from cloud_service.accounts.broker_accounts import Accounts
from cloud_service.accounts.dynamic_security import DynamicSecurity
from cloud_service.accounts.secure_broker import BrokerFolders, find_plugin, prepare, secure_listeners
from cloud_service.local import mosquitto, ports
from cloud_service.mqtt.address import BrokerAddress
from tests.kit.processes import free_port
from tests.security.mqtt import MQTT

Result = TypeVar("Result")
HOST = "127.0.0.1"


class Broker:
    """A running mosquitto. Its ports are free ones; what it logs is in `log`."""

    def __init__(self, folder: Path, more: str = "") -> None:
        self.folders = BrokerFolders.within(folder)
        prepare(self.folders, ["localhost", HOST], datetime.now(UTC))
        self.port = free_port()
        self.tls_port = free_port()
        self.log = folder / "mosquitto.log"
        listeners = secure_listeners(self.folders, find_plugin(), (HOST, self.port), (HOST, self.tls_port))
        self._configuration = mosquitto.write_configuration(folder, listeners + more)
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        command = [mosquitto.find_program("mosquitto"), "-c", self._configuration]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while ports.is_free(HOST, self.tls_port):
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, "the broker does not listen"
            time.sleep(0.05)

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(timeout=30)

    def memory(self) -> int:
        """Bytes of the machine's memory that the broker has."""
        assert self._process is not None
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def password(self, name: str) -> str:
        return self.folders.secrets.password_file(name).read_text().strip()

    def address(self, name: str) -> BrokerAddress:
        return BrokerAddress(HOST, self.port, name, self.password(name))

    def connect(self, name: str, client_id: str | None = None, **options: Any) -> MQTT:
        """A client of one of the first accounts."""
        return MQTT(self.port, client_id or f"{name}-test", name, self.password(name), **options)

    def accounts(self, work: Callable[[Accounts], Awaitable[Result]]) -> Result:
        """Does something with the accounts, as `recharge accounts` does."""

        async def run() -> Result:
            async with Accounts(self.address("administrator")) as accounts:
                return await work(accounts)

        return asyncio.run(run())

    def command(self, command: str, **values: object) -> None:
        """Has the plugin do what the product never asks it for."""

        async def run(accounts: Accounts) -> None:
            broker: DynamicSecurity = accounts._broker
            await broker.command(command, **values)

        self.accounts(run)
