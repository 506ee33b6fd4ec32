"""Starts broker, cloud service, gateway and live map on this machine, and stops them on Ctrl-C."""

import asyncio
import os
import socket
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Final

from msgspec import Struct
from msgspec.structs import replace

from cloud_service.accounts.certificates import CertificateError
from cloud_service.accounts.first_accounts import AccountsDamaged
from cloud_service.accounts.secure_broker import BrokerFolders, PluginMissing
from cloud_service.accounts.settings import TlsSettings
from cloud_service.cli import logs
from cloud_service.cli.failure import of_file
from cloud_service.config.command_line import Argument, SettingsGiven
from cloud_service.config.environment import to_environment
from cloud_service.config.shared import ClockSettings
from cloud_service.gateway.settings import GatewaySettings
from cloud_service.language.language import language_of_environment
from cloud_service.language.text import Text, TextError
from cloud_service.local import mosquitto, ports, presence
from cloud_service.local.access import LOOPBACK, Access, OpenAccess, SecureAccess, reachable
from cloud_service.local.data_folder import locked_broker_folder
from cloud_service.local.errors import CannotStart, UnknownHost
from cloud_service.local.lines import lines_to
from cloud_service.local.processes import allow_open_files
from cloud_service.local.supervisor import ChildEnded, StopRequested, Supervisor
from cloud_service.monitor.settings import MonitorSettings
from cloud_service.mqtt.address import BrokerAddress, BrokerEndpoint
from cloud_service.service.settings import ServiceSettings
from cloud_service.store.names import CLOCK

_SCREEN_SECONDS: Final = 0.5
_RECHARGE: Final = (sys.executable, "-P", "-m", "cloud_service")
"""-P: modules in the user's current folder must not replace ours."""
_DEMO_SPEED: Final = 60.0
"""In a demo's network a minute takes a second: else a no-show would take 20 minutes."""


class Options(Struct, frozen=True, kw_only=True):
    demo: Annotated[
        bool,
        Argument(
            "--demo",
            action="store_true",
            help="also run simulated chargers and vehicles (the default log level is then warning)",
        ),
    ] = False
    secure: Annotated[
        bool,
        Argument("--secure", action="store_true", help="use accounts and TLS, as with Docker Compose"),
    ] = False
    open: Annotated[
        bool,
        Argument(
            "--open",
            action="store_true",
            help="without accounts, even on a data folder that --secure has made",
        ),
    ] = False
    broker: BrokerEndpoint
    tls: TlsSettings
    service: ServiceSettings
    gateway: GatewaySettings
    monitor: MonitorSettings
    log: logs.LogSettings
    given: SettingsGiven

    @property
    def data_dir(self) -> Path:
        return self.service.data.data_dir


def main(options: Options) -> int:
    if options.demo and "log_level" not in options.given:
        options = replace(options, log=replace(options.log, level="warning"))
        logs.set_up("up", options.log)
    try:
        return asyncio.run(_up(options))
    except ChildEnded as end:
        return _fail(Text("{end}, so everything else was stopped too; its last messages are above", end=end))
    except UnknownHost as error:
        _fail(error)
        return 2
    except (CannotStart, AccountsDamaged, CertificateError, PluginMissing) as error:
        return _fail(error)
    except OSError as error:
        if isinstance(error, ConnectionError):
            raise
        return _fail(of_file(error))


def _fail(reason: Text | TextError) -> int:
    _tell(Text("recharge up: {reason}", reason=reason))
    return 1


def _tell(text: Text) -> None:
    logs.tell(language_of_environment()(text))


async def _up(options: Options) -> int:
    program = mosquitto.find_program("mosquitto")
    allow_open_files()
    options = _with_ports(options)
    monitor, fixed = options.monitor, "http_port" in options.given
    with (
        ports.listen(monitor.host, monitor.port, "--http-port", fixed=fixed) as listener,
        locked_broker_folder(options.data_dir) as broker_folder,
    ):
        options = replace(options, monitor=replace(monitor, port=listener.getsockname()[1]))
        options = _with_speed(options, broker_folder)
        _check_openness(options, broker_folder)
        access = _access(options, broker_folder)
        async with Supervisor() as supervisor:
            try:
                await _start_network(supervisor, options, program, broker_folder, access)
                await _start_monitor(supervisor, options, access, listener)
                if options.demo:
                    await _start_demo(supervisor, options, access)
                _describe(options, access)
                await supervisor.wait()
            except StopRequested:
                pass
            _tell(Text("ending {processes}", processes=_joined(", ", reversed(supervisor.names))))
    return _fail(_joined("; ", supervisor.failures)) if supervisor.failures else 0


def _joined(separator: str, texts: Iterable[Text]) -> Text:
    return Text(separator.join(map(language_of_environment(), texts)))


def _with_ports(options: Options) -> Options:
    """The options with real MQTT and TCP ports instead of 0, and of a default MQTT port that is taken."""
    broker, tls, gateway = options.broker, options.tls, options.gateway
    with ExitStack() as held:  # so that no two of them are the same

        def choose(host: str, port: int, flag: str, *, fixed: bool) -> int:
            listener = held.enter_context(ports.listen(host, port, flag, fixed=fixed))
            return int(listener.getsockname()[1])

        plain_host = LOOPBACK if options.secure else broker.host
        fixed = "mqtt_port" in options.given
        broker = replace(broker, port=choose(plain_host, broker.port, "--mqtt-port", fixed=fixed))
        if options.secure:
            fixed = "mqtt_tls_port" in options.given
            tls_port = choose(broker.host, tls.mqtt_tls_port, "--mqtt-tls-port", fixed=fixed)
            tls = replace(tls, mqtt_tls_port=tls_port)
        gateway = replace(gateway, port=choose(gateway.host, gateway.port, "--tcp-port", fixed=True))
    return replace(options, broker=broker, tls=tls, gateway=gateway)


def _with_speed(options: Options, broker_folder: Path) -> Options:
    """The options with time passing faster for a demo, except in a network that was not made by one.

    There, bookings of real people would be over before their time.
    """
    if not options.demo or "clock_speed" in options.given:
        return options
    made_by_demo = broker_folder / "made-by-demo"
    if any(options.data_dir.glob("*.json")) and not made_by_demo.exists():
        return options
    made_by_demo.touch()
    (options.data_dir / CLOCK).unlink(missing_ok=True)  # a demo shows the time of its visitors
    return replace(options, service=replace(options.service, clock=ClockSettings(clock_speed=_DEMO_SPEED)))


def _check_openness(options: Options, broker_folder: Path) -> None:
    """Raises CannotStart before a network with accounts starts open to everybody by accident."""
    if options.open and options.secure:
        raise CannotStart("--open and --secure exclude each other")
    if not options.secure and not options.open and BrokerFolders.within(broker_folder).has_accounts:
        raise CannotStart(
            "{data_dir} belongs to a network with accounts: start it with --secure, or with --open, after"
            " which anyone who reaches the broker can use any name",
            data_dir=options.data_dir.resolve(),
        )


def _access(options: Options, broker_folder: Path) -> Access:
    host, port = options.broker.host, options.broker.port
    if options.secure:
        names = dict.fromkeys((*options.tls.broker_names, reachable(host)))
        return SecureAccess(broker_folder, host, port, options.tls.mqtt_tls_port, tuple(names))
    return OpenAccess(host, port)


async def _start_network(
    supervisor: Supervisor, options: Options, program: Path, broker_folder: Path, access: Access
) -> None:
    configuration = mosquitto.write_configuration(broker_folder, access.listeners())
    address = access.address("gateway")
    command = [str(program), "-c", str(configuration)]
    await _start_broker(supervisor, command, address, mosquitto.BrokerState(broker_folder))
    async with presence.watch(address) as watch:
        environment = _environment(options, access, "cloud_service")
        await supervisor.start(Text("the service"), [*_RECHARGE, "service"], environment)
        await supervisor.run(watch.online("cloud_service"))
        environment = _environment(options, access, "gateway")
        await supervisor.start(Text("the gateway"), [*_RECHARGE, "gateway"], environment)
        await supervisor.run(watch.online("gateway"))


async def _start_monitor(
    supervisor: Supervisor, options: Options, access: Access, listener: socket.socket
) -> None:
    """Hands the listener over: a port that were let go meanwhile could become another network's."""
    await supervisor.run(access.open_for("monitor"))
    environment = _environment(options, access, "monitor")
    if options.monitor.token is not None:
        environment["RECHARGE_HTTP_TOKEN"] = options.monitor.token
    await supervisor.start(Text("the monitor"), [*_RECHARGE, "monitor"], environment, listener=listener)
    listener.close()
    await supervisor.run(ports.answering(reachable(options.monitor.host), options.monitor.port))


async def _start_demo(supervisor: Supervisor, options: Options, access: Access) -> None:
    await supervisor.run(access.open_for("demo"))
    environment = _environment(options, access, "demo")
    # On a terminal the demo has colours; anywhere else it must not wait for a reader, or end with one.
    output = None if sys.stderr.isatty() else logs.lines()
    await supervisor.start(Text("the demo"), [*_RECHARGE, "demo"], environment, output=output)


async def _start_broker(
    supervisor: Supervisor, command: list[str], address: BrokerAddress, state: mosquitto.BrokerState
) -> None:
    """Starts the broker, without its state if it ends with it and runs without it."""

    async def start() -> None:
        await supervisor.start(Text("the broker"), command, output=logs.lines())
        await supervisor.run(ports.accepting(address.host, address.port))

    try:
        await start()
    except ChildEnded:
        if not state.set_aside():
            raise
    else:
        return
    supervisor.forget_ended()
    try:
        await start()
    except ChildEnded:
        state.put_back()
        raise
    _tell(
        Text(
            "recharge up: the broker's own state was damaged, and is now {file}; the broker has started"
            " without it: clients subscribe and ask again",
            file=state.damaged,
        )
    )


def _environment(options: Options, access: Access, process: str) -> dict[str, str]:
    """This process's settings, and the broker of the network instead of another one that the shell names.

    Two processes cannot serve their metrics on the one port that the shell may name: so neither does.
    """
    not_theirs = ("RECHARGE_MQTT_", "RECHARGE_METRICS_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(not_theirs)}
    return {**inherited, **to_environment(options), **access.environment(process)}


def _describe(options: Options, access: Access) -> None:
    """Prints where everything is, and a command to try. Waits for nobody who reads it."""
    say = language_of_environment()
    tcp = f"{options.gateway.host}:{options.gateway.port}"
    port = options.tls.mqtt_tls_port if options.secure else options.broker.port
    mqtt = f"{options.broker.host}:{port}"
    monitor = f"http://{reachable(options.monitor.host)}:{options.monitor.port}/"
    screen = lines_to(sys.stdout, lambda count: say("{lines} lines were dropped here", lines=count))
    for line in (
        *map(say, access.describe()),
        f"TCP   {tcp}",
        say("map   {address}", address=monitor),
        say("data  {folder}", folder=options.data_dir.resolve()),
        say("\nTry it in a second terminal:\n\n    {command}\n", command=access.example()),
        say(
            "ready: the network runs, with MQTT on {mqtt} and TCP on {tcp}; Ctrl-C stops it",
            mqtt=mqtt,
            tcp=tcp,
        ),
    ):
        screen.write(line)
    screen.flush(_SCREEN_SECONDS)
