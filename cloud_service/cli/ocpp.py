"""Manages the chargers of the OCPP gateway: gives them their places, and commands them."""

import asyncio
import re
import sys
from typing import Annotated, Final

import msgspec
from msgspec import Struct, to_builtins

from cloud_service.cli.client_options import account, finite
from cloud_service.cli.failure import complain
from cloud_service.cli.ocpp_tables import show_list, show_pending
from cloud_service.cli.verbs import wrong_names
from cloud_service.config.command_line import Argument
from cloud_service.config.values import UnusableValue, read_count_or_zero
from cloud_service.language.language import language_of_environment
from cloud_service.language.text import Text
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.ocpp.calls import COMMANDS, Wanted
from cloud_service.ocpp.operator import Operator
from cloud_service.protocol.connectors import CONNECTORS
from cloud_service.protocol.ocpp import Answer, ChargerRecord, Place, PlacePoint
from cloud_service.protocol.roles import DEVICES, is_account_name, roles_of
from recharge.records import Number

EPILOG: Final = Text("""\
verbs:
  add IDENTITY          says where a charger stands and which points it has (--at, --point)
  pending               lists the chargers that have connected and wait for their place
  accept IDENTITY       gives one of them its place (--at, --point)
  list                  lists all chargers, and what is unusual about them
  remove IDENTITY       takes a charger's place away; its station stays until an operator deletes it
  start IDENTITY        has it start a charge (--tag, --connector)
  stop IDENTITY         has it stop a charge (--transaction, or the one on --connector)
  reset IDENTITY        restarts it, with --hard at once
  unlock IDENTITY       unlocks a connector (--connector)
  enable IDENTITY       makes it, or one --connector, available
  disable IDENTITY      makes it, or one --connector, unavailable
  trigger IDENTITY      has it send a message, such as --message StatusNotification

A point is CONNECTOR=POWERkW@PRICE, and may have a connector type: --point 1=22kW@0.9,IEC_62196_T2. In OCPP \
2.0.1 and 2.1, the connector is the number of the EVSE.""")

_NAMES: Final = {"add": 1, "pending": 0, "accept": 1, "list": 0, "remove": 1, **dict.fromkeys(COMMANDS, 1)}
"""How many names each verb takes."""
_ANSWER_SECONDS: Final = 30.0
_DONE: Final = ("Accepted", "Scheduled", "Unlocked")
"""What chargers say when they do what was asked, now or later."""
_PLACING: Final = ("add", "accept")
_ACCOUNT: Final = "operator"
"""The account if the broker requires no login."""
_POINT: Final = re.compile(
    r"(?P<connector>[0-9]{1,4})=(?P<power>[0-9.]+)(?:kW)?@(?P<price>[0-9.]+)(?:,(?P<type>[A-Za-z0-9_]+))?"
)


def _location(text: str) -> tuple[Number, Number]:
    x, comma, y = text.partition(",")
    if not comma:
        raise UnusableValue("{text!r} is not two numbers such as 3,4.5", text=text)
    return finite(x), finite(y)


def _point(text: str) -> PlacePoint:
    match = _POINT.fullmatch(text)
    if match is None:
        raise UnusableValue("{text!r} is not a point such as 1=22kW@0.9", text=text)
    if match["type"] not in (None, *CONNECTORS):
        raise UnusableValue("{text!r} has no connector type of OCPI, such as IEC_62196_T2", text=text)
    return PlacePoint(
        int(match["connector"]), float(finite(match["power"])), float(finite(match["price"])), match["type"]
    )


class Options(Struct, frozen=True, kw_only=True):
    verb: Annotated[str, Argument(choices=_NAMES, metavar="VERB", help=", ".join(_NAMES))]
    names: Annotated[list[str], Argument(nargs="*", metavar="IDENTITY", help="the charger's account")]
    at: Annotated[
        tuple[Number, Number] | None,
        Argument("--at", metavar="X,Y", type=_location, help="where it stands, in kilometres"),
    ] = None
    points: Annotated[
        list[PlacePoint] | None,
        Argument(
            "--point",
            metavar="POINT",
            type=_point,
            action="append",
            help="one of its points, such as 1=22kW@0.9; once for each",
        ),
    ] = None
    connector: Annotated[
        int,
        Argument(
            "--connector",
            metavar="N",
            type=read_count_or_zero,
            help="one of its connectors (default: the whole charger)",
        ),
    ] = 0
    tag: Annotated[
        str, Argument("--tag", metavar="TAG", help="the vehicle for which `start` starts a charge")
    ] = ""
    transaction: Annotated[
        str, Argument("--transaction", metavar="ID", help="the transaction that `stop` stops")
    ] = ""
    hard: Annotated[
        bool, Argument("--hard", action="store_true", help="`reset` does not wait for charges")
    ] = False
    message: Annotated[
        str, Argument("--message", metavar="MESSAGE", help="the message that `trigger` asks for")
    ] = ""
    name: Annotated[str | None, Argument("--name", metavar="NAME", help="the station's name for people")] = (
        None
    )
    as_json: Annotated[bool, Argument("--json", action="store_true", help="print JSON")] = False
    broker: BrokerAddress


def main(options: Options) -> int:
    if problem := _problem(options):
        return complain("ocpp", problem)
    return asyncio.run(_run(options))


def _problem(options: Options) -> Text | None:
    if problem := wrong_names(options.verb, _NAMES[options.verb], len(options.names)):
        return problem
    for name in options.names:
        if not is_account_name(name) or roles_of(name) != DEVICES:
            return Text("{name!r} cannot be a charger's account", name=name)
    placing = options.at is not None and options.points is not None
    if options.verb in _PLACING and not placing:
        return Text("`{verb}` needs --at and at least one --point", verb=options.verb)
    if options.verb == "start" and not options.tag:
        return Text("`start` needs a --tag")
    if options.verb == "trigger" and not options.message:
        return Text("`trigger` needs a --message")
    if options.verb == "stop" and not (options.transaction or options.connector):
        return Text("`stop` needs a --transaction or a --connector")
    connectors = [point.connector for point in options.points or ()]
    if len(set(connectors)) != len(connectors) or 0 in connectors:
        return Text("each --point needs a connector number of its own, from 1")
    if any(point.power <= 0 for point in options.points or ()):
        return Text("the power of a point has to be above 0")
    return None


async def _run(options: Options) -> int:
    async with Operator(options.broker, account(None, options.broker, _ACCOUNT)) as operator:
        match options.verb:
            case "add" | "accept":
                return await _place(operator, options)
            case "remove":
                return await _remove(operator, options.names[0])
            case "pending":
                if options.as_json:
                    _print_json(_waiting(operator))
                else:
                    show_pending(_waiting(operator))
            case command if command in COMMANDS:
                return await _command(operator, options)
            case _:
                if options.as_json:
                    _print_json(operator.records)
                else:
                    show_list(operator.records, operator.places)
    return 0


def _waiting(operator: Operator) -> dict[str, ChargerRecord]:
    """The chargers that have connected, and stand nowhere or nowhere any more."""
    return {name: each for name, each in operator.records.items() if name not in operator.places}


async def _place(operator: Operator, options: Options) -> int:
    identity = options.names[0]
    if options.verb == "accept" and identity not in _waiting(operator):
        return complain(
            "ocpp",
            Text(
                "{identity} is not waiting for a place; `ocpp pending` shows which chargers are",
                identity=identity,
            ),
        )
    assert options.at is not None
    x, y = options.at
    await operator.place(identity, Place(x, y, tuple(options.points or ()), options.name))
    _tell(Text("{identity} now stands at {x:g},{y:g}", identity=identity, x=x, y=y))
    return 0


async def _remove(operator: Operator, identity: str) -> int:
    if identity not in operator.places:
        return complain(
            "ocpp",
            Text("{identity} has no place; `ocpp list` shows which chargers have one", identity=identity),
        )
    await operator.remove(identity)
    _tell(Text("{identity} no longer has a place", identity=identity))
    return 0


async def _command(operator: Operator, options: Options) -> int:
    identity = options.names[0]
    record = operator.records.get(identity)
    if record is None or not record.online:
        return complain("ocpp", Text("{identity} is not connected", identity=identity))
    session = record.session_on(options.connector)
    wanted = Wanted(
        connector=options.connector,
        tag=options.tag,
        transaction=options.transaction or ("" if session is None else session.transaction),
        hard=options.hard,
        message=options.message,
    )
    if options.verb == "stop" and not wanted.transaction:
        return complain("ocpp", Text("{identity} has no charge there", identity=identity))
    try:
        answer = await operator.tell(identity, options.verb, to_builtins(wanted), _ANSWER_SECONDS)
    except TimeoutError:
        return complain("ocpp", Text("no gateway answers for {identity}", identity=identity))
    if not answer.ok:
        return complain("ocpp", Text("{identity}: {reason}", identity=identity, reason=_reason(answer)))
    print(answer.status)
    return 0 if answer.status in _DONE else 1


def _reason(answer: Answer) -> str:
    return f"{answer.message} ({answer.status})" if answer.status else answer.message


def _print_json(records: object) -> None:
    print(msgspec.json.format(msgspec.json.encode(records), indent=4).decode())


def _tell(text: Text) -> None:
    print(language_of_environment()(text), file=sys.stderr)
