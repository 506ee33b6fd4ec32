"""Starts the broker, the cloud service and the gateway on this machine, and ends them with Ctrl-C."""

import asyncio
import fcntl
import os
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cloud_service.accounts.certificates import CertificateError
from cloud_service.accounts.secure_broker import PluginMissing
from cloud_service.cli import settings
from cloud_service.local import mosquitto, ports, presence
from cloud_service.local.access import LOOPBACK, Access, OpenAccess, SecureAccess, reachable
from cloud_service.local.supervisor import Asked, ChildEnded, Supervisor


class CannotStart(Exception):
    """The network cannot be started here. The text says why, and what to do."""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--demo",
        action="store_true",
        help="add a few chargers and vehicles that live; to leave them the screen, the log level is"
        " warning then, unless it is set",
    )
    parser.add_argument(
        "--secure", action="store_true", help="with accounts and TLS, as the compose stack has"
    )


def main(options: Namespace) -> int:
    try:
        return asyncio.run(_up(options))
    except ChildEnded as end:
        return _fail(f"{end}, so all the rest was ended too; what it said last stands above")
    except (CannotStart, CertificateError, PluginMissing, mosquitto.MosquittoMissing) as error:
        return _fail(str(error))


def _fail(reason: str) -> int:
    print(f"recharge up: {reason}", file=sys.stderr)
    return 1


async def _up(options: Namespace) -> int:
    broker = mosquitto.find_program("mosquitto")
    if options.demo and "log_level" not in options.asked_for:
        options.log_level = "warning"
    _choose_ports(options)
    with _prepared_folder(options.data_dir) as broker_folder:
        access = _access(options, broker_folder)
        async with Supervisor() as supervisor:
            try:
                await _start(supervisor, options, broker, broker_folder, access)
                _describe(options, access)
                await supervisor.until_asked()
            except Asked:
                pass
            print(f"ending {', '.join(reversed(supervisor.names))}", file=sys.stderr)
    return _fail("; ".join(supervisor.disorderly)) if supervisor.disorderly else 0


def _choose_ports(options: Namespace) -> None:
    """Puts real ports in the place of 0, and of default MQTT ports that are taken."""
    plain_host = LOOPBACK if options.secure else options.mqtt_host
    _choose_port(options, "mqtt_port", plain_host)
    if options.secure:
        _choose_port(options, "mqtt_tls_port", options.mqtt_host)
    _choose_port(options, "tcp_port", options.tcp_host, always=True)


def _choose_port(options: Namespace, name: str, host: str, always: bool = False) -> None:
    """A port that was asked for has to be free, and one that is `always` to be this one."""
    port = getattr(options, name)
    wanted = always or name in options.asked_for
    if port == 0 or (not wanted and not _is_free(host, port)):
        setattr(options, name, ports.free_port(host))
    elif not _is_free(host, port):
        raise CannotStart(_taken(host, port, "--" + name.replace("_", "-")))


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


def _access(options: Namespace, broker_folder: Path) -> Access:
    if options.secure:
        names = (*options.broker_names, reachable(options.mqtt_host))
        return SecureAccess(
            broker_folder,
            options.mqtt_host,
            options.mqtt_port,
            options.mqtt_tls_port,
            tuple(dict.fromkeys(names)),
        )
    return OpenAccess(options.mqtt_host, options.mqtt_port)


async def _start(
    supervisor: Supervisor, options: Namespace, broker: Path, broker_folder: Path, access: Access
) -> None:
    configuration = mosquitto.write_configuration(broker_folder, access.listeners())
    address = access.address("gateway")
    await supervisor.start("the broker", [str(broker), "-c", str(configuration)])
    await supervisor.until(ports.accepting(address.host, address.port))
    # -P: what lies in the folder in which the user is must not stand in for our modules.
    recharge = (sys.executable, "-P", "-m", "cloud_service")
    async with presence.watch(address) as watch:
        environment = _environment(options, access, "cloud_service")
        await supervisor.start("the service", [*recharge, "service"], environment)
        await supervisor.until(watch.online("cloud_service"))
        environment = _environment(options, access, "gateway")
        await supervisor.start("the gateway", [*recharge, "gateway"], environment)
        await supervisor.until(watch.online("gateway"))
    if options.demo:
        await supervisor.until(access.open_for_demo())
        environment = _environment(options, access, "demo")
        await supervisor.start("the demo", [*recharge, "demo"], environment)


def _environment(options: Namespace, access: Access, process: str) -> dict[str, str]:
    """Our own settings for the process, and none for another broker that the shell may have."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RECHARGE_MQTT_")}
    environment |= settings.to_environment(options, (*settings.UP, *settings.LOGS))
    return {**environment, **access.environment(process)}


def _describe(options: Namespace, access: Access) -> None:
    """Prints where things are, and a line to try them with."""
    tcp = f"{options.tcp_host}:{options.tcp_port}"
    port = options.mqtt_tls_port if options.secure else options.mqtt_port
    print("\n".join(access.describe()))
    print(f"TCP   {tcp}")
    print(f"data  {options.data_dir.resolve()}")
    print(f"\nTry it in a second terminal:\n\n    {access.example()}\n")
    mqtt = f"{options.mqtt_host}:{port}"
    print(f"ready: the network runs, with MQTT on {mqtt} and TCP on {tcp}; Ctrl-C ends it", flush=True)
