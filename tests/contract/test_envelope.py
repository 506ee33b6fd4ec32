"""What surrounds a request and its reply: IDs, reply topics, expiry, size, the retain flag."""

import json
import time
from secrets import randbelow, token_hex
from typing import Any

import pytest
from paho.mqtt.client import MQTTMessage

from tests.kit.mqtt import MqttClient, properties_of, result_of
from tests.kit.people import Charger, People, Place
from tests.kit.refusals import refused

NEW = "newChargingStation"
LARGEST = 64 * 1024


def location(place: Place) -> dict[str, Any]:
    return {"x_position": place.x, "y_position": place.y}


def body_of(message: MQTTMessage) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(message.payload)
    return body


def in_milliseconds(seconds_from_now: float) -> int:
    return round((time.time() + seconds_from_now) * 1000)


class Asking:
    """Fixtures and assertions that the classes below share."""

    @pytest.fixture
    def client(self, people: People) -> MqttClient:
        return people.mqtt("charger")

    def assert_no_effect(self, people: People, client: MqttClient, place: Place) -> None:
        """The request to register this location got no reply, and the location has no station."""
        client.settle()
        assert client.arrived() == []
        assert people.other_charger().station(place), "the location is free"

    def assert_bad(self, reply: dict[str, Any], naming: str) -> None:
        with refused("BAD_REQUEST", naming):
            result_of(reply)


@pytest.mark.usefixtures("mqtt_version")
class TestIDs(Asking):
    def test_a_request_without_an_id(self, client: MqttClient, place: Place) -> None:
        client.send(NEW, location(place))
        message = client.on(client.reply_topic)
        assert list(body_of(message)) == ["requestID", "ok", "result"]
        assert body_of(message)["requestID"] is None
        assert (message.qos, message.retain) == (1, False)

    @pytest.mark.parametrize("text", ["a", "é" * 32, "x" * 64, ' "\\\n', "7"])
    def test_the_reply_repeats_it(self, client: MqttClient, place: Place, text: str) -> None:
        client.send(NEW, {**location(place), "requestID": text})
        assert result_of(client.reply(text)) > 0

    @pytest.mark.parametrize("value", ["", "x" * 65, "é" * 33, 5, True, ["a"]])
    def test_what_is_no_id(self, people: People, client: MqttClient, place: Place, value: object) -> None:
        client.send(NEW, {**location(place), "requestID": value})
        self.assert_bad(client.reply(None), "requestID")
        self.assert_no_effect(people, client, place)


@pytest.mark.usefixtures("mqtt_version")
class TestReplyTopics(Asking):
    @pytest.mark.parametrize("below", ["", "/", "/a", "/a/b c/é"])
    def test_ones_own(self, client: MqttClient, place: Place, below: str) -> None:
        topic = client.reply_topic + below
        client.send(NEW, {**location(place), "replyTo": topic})
        assert result_of(body_of(client.on(topic))) > 0

    @pytest.mark.parametrize(
        "topic",
        [
            "recharge/v1/reply/somebody",
            "recharge/v1/reply",
            "recharge/v1/state/station/1",
            "{own}/#",
            "{own}/+/a",
            "{own}x",
            "/{own}",
            "#",
            "",
        ],
    )
    def test_any_other_gets_no_reply_and_has_no_effect(
        self, people: People, client: MqttClient, place: Place, topic: str
    ) -> None:
        named = topic.format(own=client.reply_topic)
        client.send(NEW, {**location(place), "replyTo": named, "requestID": "a"})
        self.assert_no_effect(people, client, place)

    def test_what_is_no_topic(self, people: People, client: MqttClient, place: Place) -> None:
        client.send(NEW, {**location(place), "replyTo": 5})
        self.assert_bad(body_of(client.on(client.reply_topic)), "replyTo")
        self.assert_no_effect(people, client, place)


@pytest.mark.usefixtures("mqtt_version")
class TestExpiry(Asking):
    @pytest.mark.parametrize("seconds", [-3600, -30])
    def test_an_expired_request_has_no_effect(
        self, people: People, client: MqttClient, place: Place, seconds: float
    ) -> None:
        client.send(NEW, {**location(place), "expiresAt": in_milliseconds(seconds)})
        client.send(NEW, {"expiresAt": 0})
        client.send(NEW, {**location(place), "requestID": 5, "expiresAt": 0.5})
        self.assert_no_effect(people, client, place)

    @pytest.mark.parametrize("value", [10**13, 1e13, 10**300])
    def test_one_that_has_time(self, client: MqttClient, place: Place, value: float) -> None:
        client.send(NEW, {**location(place), "expiresAt": value})
        assert result_of(client.reply(None)) > 0

    @pytest.mark.parametrize("value", ["2030-01-01", True, [], {}])
    def test_what_is_no_time(self, people: People, client: MqttClient, place: Place, value: object) -> None:
        client.send(NEW, {**location(place), "expiresAt": value})
        self.assert_bad(client.reply(None), "expiresAt")
        self.assert_no_effect(people, client, place)


@pytest.mark.usefixtures("mqtt_version")
class TestBodies(Asking):
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"[]",
            b"5",
            b'"text"',
            b"no JSON",
            b'{"x_position": 1',
            b'{"x_position": 1, "y_position": 2} {}',
            b'{"a": "\xff"}',
            b'\xef\xbb\xbf{"x_position": 1, "y_position": 2}',
            '{"x_position": 1, "y_position": 2}'.encode("utf-16"),
            b'{"a":' * 5000 + b"1" + b"}" * 5000,
            b"[" * 60_000,
            b'{"x_position": ' + b"9" * 10_000 + b', "y_position": 1}',
        ],
        ids=range(13),
    )
    def test_what_is_no_json_object(self, client: MqttClient, body: bytes) -> None:
        client.send(NEW, body)
        self.assert_bad(client.reply(None), "")

    @pytest.mark.parametrize("size", [LARGEST, LARGEST + 1, 10**6])
    def test_size(self, people: People, client: MqttClient, place: Place, size: int) -> None:
        values = {**location(place), "requestID": "large", "replyTo": client.reply_topic + "/a", "more": ""}
        values["more"] = "x" * (size - len(json.dumps(values)))
        client.send(NEW, values)
        reply = client.reply("large")
        if size <= LARGEST:
            assert result_of(reply) > 0
        else:
            with refused("TOO_LARGE"):
                result_of(reply)
            assert reply["error"]["retryable"] is False
            self.assert_no_effect(people, client, place)

    def test_what_is_sent_with_qos_0_is_answered_too(self, client: MqttClient, place: Place) -> None:
        client.send(NEW, location(place), qos=0)
        assert result_of(client.reply(None)) > 0

    def test_a_request_with_the_retain_flag_is_ignored(
        self, people: People, client: MqttClient, place: Place
    ) -> None:
        client.send(NEW, location(place), retain=True)
        client.send(NEW, b"", retain=True)  # clears it
        self.assert_no_effect(people, client, place)

    def test_other_topics_below_request_are_nobody_s(self, client: MqttClient, place: Place) -> None:
        """On a broker that lets them through; the service has to live on either way."""
        for topic in ("unknownAction", f"{NEW}/below"):
            client.send(topic, location(place))
        client.settle()
        assert client.arrived() == []


class TestPropertiesOfMqtt5(Asking):
    def test_a_reply_to_correlation_data(self, client: MqttClient, place: Place) -> None:
        topic = client.reply_topic + "/here"
        client.send(NEW, location(place), CorrelationData=b"my id", ResponseTopic=topic)
        message = client.on(topic)
        assert body_of(message)["requestID"] == "my id"
        assert properties_of(message).CorrelationData == b"my id"
        assert properties_of(message).ContentType == "application/json"
        assert properties_of(message).UserProperty == [("status", "ok")]

    def test_an_error_s_status_is_its_code(self, client: MqttClient) -> None:
        client.send("deleteChargingStation", {"chargingStationID": 10**9}, CorrelationData=b"1")
        message = client.on(client.reply_topic)
        assert properties_of(message).UserProperty == [("status", "NOT_FOUND")]
        assert properties_of(message).ContentType == "application/json"
        assert body_of(message)["error"]["retryable"] is False

    @pytest.mark.parametrize("outcome", ["ok", "BAD_REQUEST"])
    def test_a_trace_context_is_repeated(self, client: MqttClient, place: Place, outcome: str) -> None:
        trace = ("traceparent", f"00-{token_hex(16)}-{token_hex(8)}-01")
        values = location(place) if outcome == "ok" else {"x_position": "far"}
        client.send(NEW, values, UserProperty=[("tracestate", "vendor=1"), trace])
        message = client.on(client.reply_topic)
        assert properties_of(message).UserProperty == [("status", outcome), trace]

    def test_each_delivery_has_the_trace_context_of_its_own(self, client: MqttClient, place: Place) -> None:
        traces = [("traceparent", f"00-{token_hex(16)}-{token_hex(8)}-00") for _ in range(2)]
        for trace in traces:
            client.send(NEW, {**location(place), "requestID": "once"}, UserProperty=trace)
            assert properties_of(client.on(client.reply_topic)).UserProperty == [("status", "ok"), trace]

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "yes",
            f"00-{'0' * 32}-{'1' * 16}-01",
            f"00-{'1' * 32}-{'0' * 16}-01",
            f"ff-{'1' * 32}-{'1' * 16}-01",
            f"00-{'G' * 32}-{'1' * 16}-01",
            "x" * 60_000,
        ],
    )
    def test_what_is_no_trace_context_is_ignored(self, client: MqttClient, place: Place, text: str) -> None:
        client.send(NEW, location(place), UserProperty=("traceparent", text))
        message = client.on(client.reply_topic)
        assert properties_of(message).UserProperty == [("status", "ok")]
        assert result_of(body_of(message)) > 0

    def test_without_correlation_data_the_reply_has_none(self, client: MqttClient, place: Place) -> None:
        client.send(NEW, {**location(place), "requestID": "a"})
        message = client.on(client.reply_topic)
        assert not hasattr(message.properties, "CorrelationData")
        assert body_of(message)["requestID"] == "a"

    @pytest.mark.parametrize("data", [b"\xff\x00", b"x" * 65, bytes(range(256)) * 100])
    def test_bytes_that_are_no_text(self, client: MqttClient, place: Place, data: bytes) -> None:
        for _ in range(2):
            client.send(NEW, location(place), CorrelationData=data)
            message = client.on(client.reply_topic)
            assert body_of(message)["requestID"] is None
            assert properties_of(message).CorrelationData == data
        client.send(NEW, location(place.beside(1)), CorrelationData=data)
        with refused("ID_REUSED"):
            result_of(body_of(client.on(client.reply_topic)))

    def test_body_and_property_agree(self, client: MqttClient, place: Place) -> None:
        topic = client.reply_topic + "/a"
        values = {**location(place), "requestID": "é", "replyTo": topic}
        client.send(NEW, values, CorrelationData="é".encode(), ResponseTopic=topic)
        assert result_of(body_of(client.on(topic))) > 0

    @pytest.mark.parametrize("data", [b"b", b"\xff", b"a" * 65])
    def test_ids_that_differ(self, people: People, client: MqttClient, place: Place, data: bytes) -> None:
        topic = client.reply_topic + "/a"
        values = {**location(place), "requestID": "a"}
        client.send(NEW, values, CorrelationData=data, ResponseTopic=topic)
        message = client.on(client.reply_topic)
        self.assert_bad(body_of(message), "Correlation Data")
        assert properties_of(message).CorrelationData == data
        assert properties_of(message).UserProperty == [("status", "BAD_REQUEST")]
        self.assert_no_effect(people, client, place)

    def test_reply_topics_that_differ(self, people: People, client: MqttClient, place: Place) -> None:
        values = {**location(place), "replyTo": client.reply_topic + "/a"}
        client.send(NEW, values, ResponseTopic=client.reply_topic + "/b")
        self.assert_bad(body_of(client.on(client.reply_topic)), "Response Topic")
        self.assert_no_effect(people, client, place)

    @pytest.mark.parametrize("topic", ["recharge/v1/reply/somebody", "recharge/v1/state/station/1", "x"])
    def test_a_response_topic_of_somebody_else(
        self, people: People, client: MqttClient, place: Place, topic: str
    ) -> None:
        client.send(NEW, location(place), ResponseTopic=topic, CorrelationData=b"1")
        values = {**location(place), "replyTo": client.reply_topic}
        client.send(NEW, values, ResponseTopic=topic, CorrelationData=b"2")
        self.assert_no_effect(people, client, place)

    def test_the_broker_takes_an_interval_of_0_for_none(self, client: MqttClient) -> None:
        """So the service cannot know of it. docs/mqtt.md says what to send instead."""
        topic = f"recharge/v1/presence/{client.name}"
        client.subscribe(topic)
        for seconds in (0, 3600):
            client.publish(topic, b'{"online": true}', MessageExpiryInterval=seconds)
        without, with_interval = client.on(topic), client.on(topic)
        assert not hasattr(without.properties, "MessageExpiryInterval")
        assert hasattr(with_interval.properties, "MessageExpiryInterval")

    def test_expiry_intervals(self, people: People, client: MqttClient, place: Place) -> None:
        client.send(NEW, location(place), MessageExpiryInterval=3600)
        assert result_of(client.reply(None)) > 0
        other = place.beside(1)
        expired = {**location(other), "expiresAt": in_milliseconds(-60)}
        client.send(NEW, expired, MessageExpiryInterval=3600)
        self.assert_no_effect(people, client, other)

    def test_a_bad_body_is_answered_where_the_properties_say(self, client: MqttClient) -> None:
        topic = client.reply_topic + "/a"
        client.send(NEW, b"no JSON", ResponseTopic=topic, CorrelationData=b"1")
        message = client.on(topic)
        self.assert_bad(body_of(message), "")
        assert body_of(message)["requestID"] == "1"

    def test_user_properties_say_nothing_of_who_asks(
        self, people: People, client: MqttClient, place: Place
    ) -> None:
        other = people.other_charger()
        station = other.station(place)
        forged = [("client", other.name), ("username", other.name), ("role", "operator")]
        body = {"chargingStationID": station, "client": other.name, "owner": other.name}
        client.send("deleteChargingStation", body, UserProperty=forged)
        with refused("FORBIDDEN"):
            result_of(client.reply(None))


@pytest.mark.usefixtures("mqtt_version")
class TestOnce(Asking):
    """A change with an ID takes effect once, however often it comes."""

    def again(self, client: MqttClient, action: str, values: dict[str, Any], number: str) -> Any:
        client.send(action, {**values, "requestID": number})
        return result_of(client.reply(number))

    def test_a_further_delivery_gets_the_first_result(self, client: MqttClient, place: Place) -> None:
        charger, number = Charger(client), token_hex(8)
        station = charger.station(place)
        values = {"chargingStationID": station, "power": 1, "kWhPrice": 1, "availability": "livre"}
        assert [self.again(client, "newChargingPoint", values, number) for _ in range(3)] == [1, 1, 1]
        assert len(charger.points(station)) == 1
        charger.delete_point(station, 1)
        assert self.again(client, "newChargingPoint", values, number) == 1
        assert charger.points(station) == []

    def test_many_deliveries_at_once(self, client: MqttClient, place: Place) -> None:
        charger, number = Charger(client), token_hex(8)
        station = charger.station(place)
        values = {"chargingStationID": station, "power": 1, "kWhPrice": 1, "availability": "livre"}
        for _ in range(100):
            client.send("newChargingPoint", {**values, "requestID": number})
        assert {result_of(client.reply(number)) for _ in range(100)} == {1}
        assert len(charger.points(station)) == 1

    def test_each_delivery_is_answered_at_its_own_topic(self, client: MqttClient, place: Place) -> None:
        results = []
        for below in ("/a", "/b"):
            topic = client.reply_topic + below
            client.send(NEW, {**location(place), "requestID": "once", "replyTo": topic})
            results.append(result_of(body_of(client.on(topic))))
        assert results[0] == results[1]

    def test_what_does_not_make_it_another_request(self, client: MqttClient, place: Place) -> None:
        first = self.again(client, NEW, location(place), "same")
        whole = {"x_position": float(place.x), "y_position": float(place.y)}
        reordered = {"y_position": place.y, "more": [1], "x_position": place.x, "expiresAt": 10**13}
        assert self.again(client, NEW, whole, "same") == first
        assert self.again(client, NEW, reordered, "same") == first

    def test_a_vehicle_is_the_same_however_it_is_named(
        self, people: People, client: MqttClient, place: Place
    ) -> None:
        Charger(client).with_point(place)
        values = {"x": place.x, "y": place.y, "actualBatteryPercentage": 50, "batteryCapacity": 10}
        vehicle, operator = people.mqtt("vehicle"), people.mqtt("operator")
        booked = self.again(vehicle, "scheduleReservation", values, "left out")
        named = {**values, "vid": vehicle.name}
        assert self.again(vehicle, "scheduleReservation", named, "left out") == booked
        number = randbelow(10**9)
        booked = self.again(operator, "scheduleReservation", {**values, "vid": number}, "number")
        for same in (str(number), float(number), number):
            assert self.again(operator, "scheduleReservation", {**values, "vid": same}, "number") == booked
        with refused("ID_REUSED"):
            self.again(operator, "scheduleReservation", {**values, "vid": f"0{number}"}, "number")

    def test_another_request_with_the_same_id(self, client: MqttClient, place: Place) -> None:
        station = self.again(client, NEW, location(place), "mine")
        for action, values in (
            (NEW, location(place.beside(1))),
            (NEW, {"x_position": place.x}),
            ("deleteChargingStation", {"chargingStationID": station}),
            ("receiveAllChargingPoints", {"chargingStationID": station}),
        ):
            with refused("ID_REUSED"):
                self.again(client, action, values, "mine")
        assert Charger(client).points(station) == []
        assert self.again(client, NEW, location(place), "mine") == station

    def test_an_id_belongs_to_its_client(self, people: People, client: MqttClient, place: Place) -> None:
        other = people.mqtt("charger")
        one = self.again(client, NEW, location(place), "shared")
        assert self.again(other, NEW, location(place.beside(1)), "shared") > one

    def test_refusals_are_remembered(self, people: People, client: MqttClient, place: Place) -> None:
        other = people.other_charger()
        blocking = other.station(place)
        with refused("CONFLICT"):
            self.again(client, NEW, location(place), "refused")
        other.delete(blocking)
        with refused("CONFLICT"):
            self.again(client, NEW, location(place), "refused")
        with refused("ID_REUSED"):
            self.again(client, NEW, location(place.beside(1)), "refused")
        assert self.again(client, NEW, location(place), "new") > blocking

    def test_bad_requests_are_remembered(self, client: MqttClient, place: Place) -> None:
        for _ in range(2):
            with refused("BAD_REQUEST"):
                self.again(client, NEW, {"x_position": place.x}, "bad")
        with refused("ID_REUSED"):
            self.again(client, NEW, location(place), "bad")

    def test_reads_are_answered_afresh(self, client: MqttClient, place: Place) -> None:
        charger = Charger(client)
        station = charger.station(place)
        for number in range(3):
            read = self.again(client, "receiveAllChargingPoints", {"chargingStationID": station}, "read")
            assert len(read) == number
            charger.point(station)

    def test_a_vehicle_is_not_booked_again_after_it_cancelled(
        self, people: People, client: MqttClient, place: Place
    ) -> None:
        station = Charger(client).with_point(place)
        vehicle = people.mqtt("vehicle")
        values = {"x": place.x, "y": place.y, "actualBatteryPercentage": 50, "batteryCapacity": 10}
        booked = self.again(vehicle, "scheduleReservation", values, "book")
        assert self.again(vehicle, "deleteReservation", {"reservationID": 1}, "cancel") == "Sucesso"
        assert self.again(vehicle, "scheduleReservation", values, "book") == booked
        assert self.again(vehicle, "deleteReservation", {"reservationID": 1}, "cancel") == "Sucesso"
        assert Charger(client).reservations(station) == []


class TestOnceOverBothVersions(Asking):
    def test_correlation_data_is_the_same_id(self, people: People, place: Place) -> None:
        name = f"operator-{token_hex(5)}"
        newer = people.mqtt("operator", name)
        older = people.mqtt("operator", name, version="mqtt311")
        newer.send(NEW, location(place), CorrelationData=b"both", ResponseTopic=newer.reply_topic + "/5")
        first = result_of(body_of(newer.on(newer.reply_topic + "/5")))
        older.send(NEW, {**location(place), "requestID": "both", "replyTo": older.reply_topic + "/4"})
        assert result_of(body_of(older.on(older.reply_topic + "/4"))) == first
        newer.send(NEW, {**location(place.beside(1)), "requestID": "both"}, CorrelationData=b"both")
        message = newer.on(newer.reply_topic)
        assert properties_of(message).UserProperty == [("status", "ID_REUSED")]
        assert properties_of(message).CorrelationData == b"both"
