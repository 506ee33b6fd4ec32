"""A charger for an ESP32 with MicroPython: MQTT 3.1.1 by umqtt.simple, which MicroPython brings along.

Copy it to the board as main.py, after joining the Wi-Fi. `settings` names the broker and the account.
"""

import json
import time
from binascii import hexlify
from os import urandom

from umqtt.simple import MQTTClient

try:
    from settings import BROKER, PASSWORD, PORT
except ImportError:
    BROKER, PORT, PASSWORD = "192.0.2.10", 1883, None

NAME = "esp32-charger"
ROOT = "recharge/v1"
REPLIES = f"{ROOT}/reply/{NAME}"
WAIT = 10  # seconds for a reply, before the request is sent again
TRIES = 6

replies = {}


def receive(topic, message):
    """Keeps a reply until `ask` looks for it, and shows an event."""
    topic, body = topic.decode(), json.loads(message)
    if topic == REPLIES:
        replies[body["requestID"]] = body
    else:
        print(topic.split("/")[-1], body["reservation"]["vehicleID"], body["reservation"]["startDateTime"])


def ask(client, action, request_id, **keys):
    """Sends a request and returns the result. A repeated request has the same ID, so it takes effect once."""
    keys["requestID"] = request_id
    for _ in range(TRIES):
        client.publish(f"{ROOT}/request/{action}/{NAME}", json.dumps(keys), qos=1)
        begun = time.time()
        while request_id not in replies and time.time() - begun < WAIT:
            client.check_msg()
            time.sleep(0.05)
        reply = replies.pop(request_id, None)
        if reply and reply["ok"]:
            return reply["result"]
        if reply and not reply["error"]["retryable"]:
            raise ValueError(reply["error"]["message"])
    raise OSError(f"{action}: no reply")


def main():
    client = MQTTClient(NAME, BROKER, PORT, NAME if PASSWORD else None, PASSWORD, keepalive=60)
    client.set_callback(receive)
    client.set_last_will(f"{ROOT}/presence/{NAME}", '{"online": false}', True, 1)
    client.connect()
    client.subscribe(REPLIES, 1)
    client.subscribe(f"{ROOT}/event/{NAME}/+", 1)
    client.publish(f"{ROOT}/presence/{NAME}", '{"online": true}', True, 1)

    # Registering again returns the same station, so the board has nothing to remember.
    boot = hexlify(urandom(8)).decode()
    station = ask(client, "newChargingStation", boot + "-station", x_position=12, y_position=8.5)
    if not ask(client, "receiveAllChargingPoints", boot + "-points", chargingStationID=station):
        ask(
            client,
            "newChargingPoint",
            boot + "-point",
            chargingStationID=station,
            power=11,
            kWhPrice=0.8,
            availability="livre",
        )
    print("station", station, "is online")

    pinged = time.time()
    while True:
        client.check_msg()
        if time.time() - pinged >= 30:
            client.ping()
            pinged = time.time()
        time.sleep(0.1)


while True:
    try:
        main()
    except OSError as error:
        print("connection lost:", error)
        time.sleep(5)
