"""Starts the broker, the cloud service and the gateway on this machine, and ends them with Ctrl-C."""

import asyncio
import fcntl
import os
import shlex
import shutil
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from cloud_service import settings
from cloud_service.broker.address import BrokerAddress
from cloud_service.local import mosquitto, ports, presence
from cloud_service.local.supervisor import Asked, ChildEnded, Supervisor
from cloud_service.protocol import topics

_LOOPBACK: Final = "127.0.0.1"


class CannotStart(Exception):
    """The network cannot be started here. The text says why, and what to do."""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--demo", action="store_true", help="add a few chargers and vehicles that live")


def main(options: Namespace) -> int:
    try:
        return asyncio.run(_up(options))
    except ChildEnded as end:
        return _fail(f"{end}, so all the rest was ended too; what it said last stands above")
    except (CannotStart, mosquitto.MosquittoMissing) as error:
        return _fail(str(error))


def _fail(reason: str) -> int:
    print(f"recharge up: {reason}", file=sys.stderr)
    return 1


async def _up(options: Namespace) -> int:
    broker = mosquitto.find_program("mosquitto")
    _choose_ports(options)
    with _prepared_folder(options.data_dir) as broker_folder:
        async with Supervisor() as supervisor:
            try:
                await _start(supervisor, options, broker, broker_folder)
                _describe(options)
                await supervisor.until_asked()
            except Asked:
                pass
            print("ending: gateway, service, broker", file=sys.stderr)
    return _fail("; ".join(supervisor.disorderly)) if supervisor.disorderly else 0


def _choose_ports(options: Namespace) -> None:
    """Puts real ports in the place of 0, and of a default MQTT port that is taken."""
    default_is_taken = "mqtt_port" not in options.asked_for and not _is_free(
        options.mqtt_host, options.mqtt_port
    )
    if options.mqtt_port == 0 or default_is_taken:
        options.mqtt_port = ports.free_port(options.mqtt_host)
    elif not _is_free(options.mqtt_host, options.mqtt_port):
        raise CannotStart(_taken(options.mqtt_host, options.mqtt_port, "--mqtt-port"))
    if options.tcp_port == 0:
        options.tcp_port = ports.free_port(options.tcp_host)
    elif not _is_free(options.tcp_host, options.tcp_port):
        raise CannotStart(_taken(options.tcp_host, options.tcp_port, "--tcp-port"))


def _is_free(host: str, port: int) -> bool:
    try:
        return ports.is_free(host, port)
    except OSError as error:
        raise CannotStart(f"cannot listen on {host}, port {port}: {error.strerror}") from None


def _taken(host: str, port: int, flag: str) -> str:
    return (
        f"port {port} on {host} is taken; end the program that listens there, or choose another port with"
        f" {flag} (0 takes a free one)"
    )


@contextmanager
def _prepared_folder(data_dir: Path) -> Iterator[Path]:
    """The broker's folder in the data folder, which can be written to, and which is ours alone meanwhile."""
    broker_folder = data_dir / "broker"
    try:
        broker_folder.mkdir(parents=True, exist_ok=True)
        for folder in (data_dir, broker_folder):
            tempfile.TemporaryFile(dir=folder).close()
        lock = (broker_folder / "lock").open("w")
    except OSError as error:
        raise CannotStart(
            f"cannot write to the data folder {data_dir.resolve()}: {error.strerror};"
            " choose another with --data-dir"
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(
                f"another `recharge up` uses the data folder {data_dir.resolve()}; end it, or choose"
                " another folder with --data-dir"
            ) from None
        yield broker_folder


async def _start(supervisor: Supervisor, options: Namespace, broker: Path, broker_folder: Path) -> None:
    listener = mosquitto.open_listener(options.mqtt_host, options.mqtt_port)
    configuration = mosquitto.write_configuration(broker_folder, listener)
    await supervisor.start("the broker", [str(broker), "-c", str(configuration)])
    await supervisor.until(ports.accepting(_reachable(options.mqtt_host), options.mqtt_port))
    environment = _environment(options)
    # -P: what lies in the folder in which the user is must not stand in for our modules.
    recharge = (sys.executable, "-P", "-m", "cloud_service")
    async with presence.watch(BrokerAddress(_reachable(options.mqtt_host), options.mqtt_port)) as watch:
        await supervisor.start("the service", [*recharge, "service"], environment)
        await supervisor.until(watch.online("cloud_service"))
        await supervisor.start("the gateway", [*recharge, "gateway"], environment)
        await supervisor.until(watch.online("gateway"))
    if options.demo:
        await supervisor.start("the demo", [*recharge, "demo"], environment)


def _environment(options: Namespace) -> dict[str, str]:
    """Our own settings for the processes, and none for another broker that the shell may have."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RECHARGE_MQTT_")}
    environment |= settings.to_environment(options, (*settings.UP, *settings.LOGS))
    environment["RECHARGE_MQTT_HOST"] = _reachable(options.mqtt_host)
    return environment


def _reachable(host: str) -> str:
    """Where this machine's processes reach what listens on an address; on all of them, say."""
    return _LOOPBACK if host in ("0.0.0.0", "::") else host  # noqa: S104


def _describe(options: Namespace) -> None:
    """Prints where things are, and a line to try them with."""
    mqtt = f"{options.mqtt_host}:{options.mqtt_port}"
    tcp = f"{options.tcp_host}:{options.tcp_port}"
    print(f"MQTT  {mqtt}  (open to all who can reach this address, under any name: for development)")
    print(f"TCP   {tcp}")
    print(f"data  {options.data_dir.resolve()}")
    print(f"\nTry it in a second terminal:\n\n    {_example(options)}\n")
    print(f"ready: the network runs, with MQTT on {mqtt} and TCP on {tcp}; Ctrl-C ends it", flush=True)


def _example(options: Namespace) -> str:
    """A request by Mosquitto's own client, to be pasted into a shell."""
    program = "mosquitto_rr"
    if shutil.which(program) is None:
        with suppress(mosquitto.MosquittoMissing):
            program = shlex.quote(str(mosquitto.find_program(program)))
    return (
        f"{program} -V mqttv5 -h {_reachable(options.mqtt_host)} -p {options.mqtt_port}"
        f" -t {topics.request('newChargingStation', 'ana')} -e {topics.reply('ana')}"
        """ -m '{"x_position": 10, "y_position": 20}'"""
    )
