"""An action that is added to the table, and bound to a handler, is known everywhere."""

from datetime import datetime

from msgspec import field

from cloud_service.accounts.rights import access_list, rights
from cloud_service.cli.request import describe
from cloud_service.core.rules import DEFAULT_RULES
from cloud_service.core.view import NetworkView
from cloud_service.gateway.translation import read_request, write_reply
from cloud_service.protocol.actions import ACTIONS, Action, client_actions, request_topics, table
from cloud_service.protocol.requests import ID, Request
from cloud_service.protocol.roles import Role
from cloud_service.service.engine.caller import Caller
from cloud_service.service.engine.handlers import bind_handlers
from cloud_service.service.engine.handlers.decision import Decision
from tests.unit.service.engine.bench import Bench


class CountPoints(Request, frozen=True):
    """Counts a station's points."""

    integers = ("chargingStationID",)

    station_id: ID = field(name="chargingStationID")


def count_points(network: NetworkView, request: CountPoints, caller: Caller, now: datetime) -> Decision:
    return Decision(len(network.points(request.station_id)))


ROW = Action("countPoints", CountPoints, "count", frozenset({"charger", "operator"}), changes=True)
TABLE = table(*ACTIONS.values(), ROW)


def bench() -> Bench:
    return Bench(actions=TABLE, handlers={**bind_handlers(DEFAULT_RULES), CountPoints: count_points})


def test_the_service_subscribes_to_it() -> None:
    assert "recharge/v1/request/countPoints/+" in request_topics(TABLE)
    assert "recharge/v1/request/countPoints/+" not in request_topics(ACTIONS)


def test_the_broker_lets_those_ask_who_may() -> None:
    def may_ask(role: Role, account: str) -> bool:
        topic = f"recharge/v1/request/countPoints/{account}"
        return any(entry["topic"] == topic for entry in access_list(role, account, rights(TABLE)))

    assert may_ask("charger", "ana")
    assert may_ask("operator", "operator-1")
    assert not may_ask("vehicle", "bob")
    assert not may_ask("monitor", "monitor")


def test_a_handler_decides_it() -> None:
    engine = bench()
    station = engine.station("ana", points=3)
    assert engine.ask("ana", "countPoints", chargingStationID=station) == 3
    assert engine.ask("ana", "countPoints") == "BAD_REQUEST"
    assert engine.ask("gateway", "countPoints", chargingStationID=station) == "FORBIDDEN"


def test_a_further_delivery_is_the_same_request() -> None:
    engine = bench()
    station = engine.station("ana", points=3)
    assert engine.ask("ana", "countPoints", requestID="a", chargingStationID=station) == 3
    engine.station("ana", x=1)
    assert engine.ask("ana", "countPoints", requestID="a", chargingStationID=float(station)) == 3
    assert engine.ask("ana", "countPoints", requestID="a", chargingStationID=station + 1) == "ID_REUSED"


def test_a_legacy_client_can_name_it() -> None:
    body = b'{"countPoints": true, "chargingStationID": 5}'
    assert read_request(body, client_actions(TABLE)) == (ROW, CountPoints(5))
    assert write_reply(ROW, 3, None) == b"3"


def test_the_request_command_offers_it() -> None:
    assert "  countPoints chargingStationID=..." in describe(TABLE).splitlines()


def test_every_action_of_the_table_has_a_handler() -> None:
    assert {action.request for action in ACTIONS.values()} == set(bind_handlers(DEFAULT_RULES))
