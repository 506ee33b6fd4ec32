"""MQTT by the byte, for clients that behave as no library lets them."""

import socket
import struct

CONNECT, PUBLISH, SUBSCRIBE = 0x10, 0x32, 0x82
"""Packets' first bytes; a PUBLISH has QoS 1."""
PUBACK = 0x40
ACCEPTED = b"\x20\x02\x00\x00"
NOT_AUTHORISED = b"\x20\x02\x00\x05"


def packet(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + variable(len(body)) + body


def variable(value: int) -> bytes:
    """A Variable Byte Integer."""
    encoded = b""
    while True:
        value, digit = divmod(value, 128)
        encoded += bytes([digit | (128 if value else 0)])
        if not value:
            return encoded


def text(value: str) -> bytes:
    return struct.pack(">H", len(value.encode())) + value.encode()


def connect(client_id: str, user: str, password: str) -> bytes:
    """A CONNECT packet of MQTT 3.1.1: clean session, keep-alive of a minute."""
    flags = bytes([4, 0xC2])
    texts = text(client_id) + text(user) + text(password)
    return packet(CONNECT, text("MQTT") + flags + struct.pack(">H", 60) + texts)


def subscribe(topic_filter: str, qos: int) -> bytes:
    return packet(SUBSCRIBE, struct.pack(">H", 1) + text(topic_filter) + bytes([qos]))


def receive(connection: socket.socket, size: int) -> bytes:
    """This many bytes, or those that came before the connection ended."""
    received = b""
    while len(received) < size and (more := connection.recv(size - len(received))):
        received += more
    return received
