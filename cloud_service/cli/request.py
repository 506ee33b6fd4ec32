"""Sends one request over MQTT or TCP and prints the result in its reply. Exits with 1 on an error."""

import asyncio
import json
import socket
import sys
from typing import Annotated, Any, Final

from msgspec import Struct

from cloud_service.cli.client_options import client_id_beside
from cloud_service.cli.failure import complain, in_words
from cloud_service.config.command_line import Argument
from cloud_service.config.values import UnusableValue, read_amount
from cloud_service.gateway.settings import GatewayAddress
from cloud_service.language.language import language_of_environment
from cloud_service.language.text import Text, TextError
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.protocol.actions import CLIENT_ACTIONS, LEGACY_ACTIONS, Actions, closest_action
from cloud_service.protocol.errors import RequestError
from cloud_service.protocol.roles import is_account_name

_DEFAULT_CLIENT: Final = "operator"
_LONGEST_SECONDS: Final = 86_400


class NoAnswer(TextError):
    """There is no result to print. The text says why."""


def describe(actions: Actions) -> str:
    """These actions and their keys, a line each."""
    return "\n".join(
        f"  {name} {' '.join(f'{key}=...' for key in action.keys)}" for name, action in actions.items()
    )


EPILOG: Final = Text("actions and their keys:\n{actions}", actions=describe(CLIENT_ACTIONS))


def _action_name(text: str) -> str:
    if text in CLIENT_ACTIONS:
        return text
    meant = closest_action([text], CLIENT_ACTIONS)
    if meant is None:
        raise UnusableValue("there is no action {text}; --help lists them", text=text)
    raise UnusableValue("there is no action {text}; did you mean {meant}?", text=text, meant=meant)


def _key_and_value(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise UnusableValue("{text!r} is not KEY=VALUE", text=text)
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def _seconds(text: str) -> float:
    seconds = read_amount(text)
    if seconds > _LONGEST_SECONDS:
        raise UnusableValue("{text!r} is more than a day, {most} seconds", text=text, most=_LONGEST_SECONDS)
    return seconds


class Options(Struct, frozen=True, kw_only=True):
    action: Annotated[str, Argument(metavar="ACTION", type=_action_name, help="one of the actions below")]
    values: Annotated[
        list[tuple[str, Any]],
        Argument(
            metavar="KEY=VALUE",
            nargs="*",
            type=_key_and_value,
            help="a value is JSON if it is valid JSON, otherwise a text",
        ),
    ]
    tcp: Annotated[
        bool, Argument("--tcp", action="store_true", help="ask the gateway over TCP, as a legacy client")
    ] = False
    client: Annotated[
        str | None,
        Argument(
            "--client",
            metavar="NAME",
            help=f"name of the client that asks (default: the account, or else {_DEFAULT_CLIENT})",
        ),
    ] = None
    request_id: Annotated[
        str | None,
        Argument(
            "--request-id",
            metavar="ID",
            help="ID of the request; a second request with the same ID has no effect and gets the same reply",
        ),
    ] = None
    timeout: Annotated[
        float,
        Argument(
            "--timeout", metavar="SECONDS", type=_seconds, help="how long to wait (default: %(default)g)"
        ),
    ] = 10.0
    broker: BrokerAddress
    gateway: GatewayAddress


def main(options: Options) -> int:
    from cloud_service.mqtt.requester import OutcomeUnknown

    try:
        result = _ask_over_tcp(options) if options.tcp else asyncio.run(_ask_over_mqtt(options))
    except RequestError as error:
        return complain("request", _refusal(error))
    except (OutcomeUnknown, NoAnswer) as error:
        return complain("request", error)
    _print(result)
    return 0


async def _ask_over_mqtt(options: Options) -> Any:
    from cloud_service.mqtt.requester import Requester

    client = options.client or options.broker.user or _DEFAULT_CLIENT
    if not is_account_name(client):
        raise NoAnswer(
            "{client!r} is not a client's name: use 1 to 64 of the characters A-Z, a-z, 0-9, _ and -",
            client=client,
        )
    client_id = client_id_beside(client, options.broker)
    async with Requester(options.broker, client, client_id=client_id) as requester:
        return await requester.request(
            options.action, dict(options.values), request_id=options.request_id, timeout=options.timeout
        )


def _ask_over_tcp(options: Options) -> Any:
    if options.action not in LEGACY_ACTIONS:
        raise NoAnswer("{action} is an action of MQTT only: leave out --tcp", action=options.action)
    host, port = options.gateway.host, options.gateway.port
    try:
        connection = socket.create_connection((host, port), options.timeout)
    except OSError as error:
        raise NoAnswer(
            "the gateway {host}:{port} cannot be reached: {error}", host=host, port=port, error=error
        ) from None
    with connection:
        connection.sendall(json.dumps({options.action: True, **dict(options.values)}).encode())
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answer:
            text = answer.read().decode()
    if text in ("", "None"):
        silent = Text("the gateway closed the connection without an answer: the outcome is unknown")
        raise NoAnswer(Text(text) if text else silent)
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


def _refusal(error: RequestError) -> Text:
    """The reply's own words, which are English, after those of the reader's language for its code."""
    if language_of_environment().is_english:
        return Text("{code}: {message}", code=error.code, message=error.message)
    return Text("{reason}: {message}", reason=in_words(error), message=error.message)
