"""Sends one request over MQTT or TCP and prints the result of its reply. Exits with 1 on an error."""

import asyncio
import json
import socket
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from secrets import token_hex
from typing import Any, Final

from cloud_service.cli.settings import broker_address
from cloud_service.protocol.actions import ACTIONS, Actions, client_actions
from cloud_service.protocol.errors import RequestError
from cloud_service.protocol.roles import DEVICES, is_account_name, roles_of

_DEFAULT_CLIENT: Final = "operator"


class NoAnswer(Exception):
    """The gateway did not answer with a result. The text says what it did."""


def add_arguments(parser: ArgumentParser, actions: Actions = ACTIONS) -> None:
    keys = {name: action.keys for name, action in client_actions(actions).items()}
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.epilog = "actions and their keys:\n" + "\n".join(
        f"  {action} {' '.join(f'{key}=...' for key in keys)}" for action, keys in keys.items()
    )
    parser.add_argument("action", metavar="ACTION", choices=keys, help="one of the actions below")
    parser.add_argument(
        "values",
        metavar="KEY=VALUE",
        nargs="*",
        type=_key_and_value,
        help="a value is JSON where it can be read as JSON, otherwise a text",
    )
    parser.add_argument("--tcp", action="store_true", help="ask the gateway over TCP, as a legacy client")
    parser.add_argument(
        "--client", metavar="NAME", help=f"who asks (default: the account, or else {_DEFAULT_CLIENT})"
    )
    parser.add_argument(
        "--request-id", metavar="ID", help="ask under this ID; the same ID again has the first one's effect"
    )
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=float, default=10.0, help="how long to wait (default: 10)"
    )


def main(options: Namespace) -> int:
    from cloud_service.mqtt.requester import OutcomeUnknown

    values = dict(options.values)
    try:
        if options.tcp:
            result = _ask_over_tcp(options, values)
        else:
            result = asyncio.run(_ask_over_mqtt(options, values))
    except RequestError as error:
        return _fail(f"{error.code}: {error.message}")
    except (OutcomeUnknown, NoAnswer) as error:
        return _fail(str(error))
    _print(result)
    return 0


def _key_and_value(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


async def _ask_over_mqtt(options: Namespace, values: dict[str, Any]) -> Any:
    from cloud_service.mqtt.requester import Requester

    client = options.client or options.mqtt_user or _DEFAULT_CLIENT
    if not is_account_name(client):
        raise NoAnswer(f"{client!r} cannot be a client's name: 1 to 64 of A-Z, a-z, 0-9, _ and - are")
    bound = options.mqtt_user is not None and roles_of(client) == DEVICES
    client_id = client if bound else f"{client}-{token_hex(6)}"
    async with Requester(broker_address(options), client, client_id=client_id) as requester:
        return await requester.request(
            options.action, values, request_id=options.request_id, timeout=options.timeout
        )


def _ask_over_tcp(options: Namespace, values: dict[str, Any]) -> Any:
    address = (options.tcp_host, options.tcp_port)
    try:
        connection = socket.create_connection(address, options.timeout)
    except OSError as error:
        raise NoAnswer(f"the gateway {address[0]}:{address[1]} cannot be reached: {error}") from None
    with connection:
        connection.sendall(json.dumps({options.action: True, **values}).encode())
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answer:
            text = answer.read().decode()
    if text in ("", "None"):
        raise NoAnswer(text or "the gateway ended the connection without an answer: the outcome is unknown")
    try:
        return json.loads(text)
    except ValueError:
        return text


def _print(result: Any) -> None:
    if sys.stdout.isatty():
        from rich import print_json

        print_json(data=result, indent=4)
    else:
        print(json.dumps(result, indent=4, ensure_ascii=False))


def _fail(reason: str) -> int:
    print(f"recharge request: {reason}", file=sys.stderr)
    return 1
