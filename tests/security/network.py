"""The whole network on a secured broker: the service and the gateway with their own accounts."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.kit.processes import Process, clean_environment, free_port, wait_until
from tests.security.broker import HOST, Broker
from tests.security.mqtt import MQTT, PATIENCE


class Network:
    """Starts the service and the gateway at a running broker. `settings` are theirs, without RECHARGE_."""

    def __init__(self, broker: Broker, folder: Path, **settings: str) -> None:
        self.broker = broker
        self.folder = folder
        self.data_dir = folder / "data"
        self.audit = folder / "audit.jsonl"
        self.tcp_port = free_port()
        self._settings = settings
        self.service = self._process("service", "cloud_service")
        self.gateway = self._process("gateway", "gateway")

    def _process(self, command: str, account: str) -> Process:
        settings = {
            "data_dir": str(self.data_dir),
            "audit_file": str(self.audit),
            "mqtt_host": HOST,
            "mqtt_port": str(self.broker.port),
            "mqtt_user": account,
            "mqtt_password_file": str(self.broker.folders.secrets.password_file(account)),
            "tcp_port": str(self.tcp_port),
            **self._settings,
        }
        environment = clean_environment(
            **{f"RECHARGE_{name.upper()}": text for name, text in settings.items()}
        )
        words = [sys.executable, "-m", "cloud_service", command]
        return Process(command, words, self.folder / f"{command}.log", environment)

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.start_service()
        self._start(self.gateway, "gateway")

    def start_service(self) -> None:
        self._start(self.service, "cloud_service")

    def _start(self, process: Process, name: str) -> None:
        with self.broker.connect("gateway", f"gateway-{uuid4().hex[:8]}") as client:
            client.subscribe([f"recharge/v1/service/{name}"])
            process.start()

            def online() -> bool:
                process.check()
                while not client.received.empty():
                    message = client.received.get()
                    if not message.retain and json.loads(message.payload)["online"]:
                        return True
                return False

            wait_until(online, f"{name} is online")

    def stop(self) -> None:
        for process in (self.gateway, self.service):
            if process.running:
                process.stop()

    def audited(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.audit.read_text().splitlines()]


class Client:
    """One of our clients: asks by MQTT and waits for the reply. Use as `with`."""

    def __init__(self, broker: Broker, name: str, password: str) -> None:
        self.name = name
        self.mqtt = MQTT(broker.port, name, name, password)

    def __enter__(self) -> "Client":
        self.mqtt.__enter__()
        assert self.mqtt.subscribe([f"recharge/v1/reply/{self.name}/#"]) == [True]
        return self

    def __exit__(self, *exception: object) -> None:
        self.mqtt.__exit__(*exception)

    def ask_as(self, action: str, claimed: str, **values: object) -> Any:
        """As `ask`, with user properties that claim another name."""
        return self.ask(action, _properties=[("client", claimed), ("username", claimed)], **values)

    def ask(self, action: str, _properties: Sequence[tuple[str, str]] = (), **values: object) -> Any:
        """The reply's result, or the code of its error."""
        number = uuid4().hex
        body = json.dumps({**values, "requestID": number}).encode()
        topic = f"recharge/v1/request/{action}/{self.name}"
        assert self.mqtt.publish([topic], body, user_properties=_properties) == [True]
        while (reply := json.loads(self.mqtt.received.get(timeout=PATIENCE).payload))["requestID"] != number:
            pass
        return reply["result"] if reply["ok"] else reply["error"]["code"]
