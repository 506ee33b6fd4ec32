"""Opening a socket to the broker: TCP, and TLS on top if the address has a CA file."""

import socket
import ssl
from typing import Final

from cloud_service.mqtt.address import BrokerAddress

CONNECT_TIMEOUT_SECONDS: Final = 5.0
"""For TCP and for TLS each."""


def open_socket(address: BrokerAddress) -> socket.socket:
    """Connects, and returns a socket that does not block.

    Blocks for up to twice CONNECT_TIMEOUT_SECONDS. Raises OSError if the broker cannot be reached, its
    certificate cannot be verified or a certificate file cannot be read; ValueError if the host is not a name.
    """
    context = tls_context(address) if address.ca_file is not None else None
    connection = socket.create_connection((address.host, address.port), CONNECT_TIMEOUT_SECONDS)
    try:
        # Nagle's algorithm and delayed acknowledgements together cost 40 ms a request.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is not None:
            connection = context.wrap_socket(connection, server_hostname=address.host)
        connection.setblocking(False)
    except BaseException:
        connection.close()
        raise
    return connection


def tls_context(address: BrokerAddress) -> ssl.SSLContext:
    """Returns a context for TLS 1.2 or later that verifies the broker's certificate and name.

    It presents the device's own certificate if the address has one. Raises OSError that names the files if
    one of them cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=address.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if address.certificate_file is not None:
            context.load_cert_chain(address.certificate_file, address.key_file)
    except OSError as error:
        files = (address.ca_file, address.certificate_file, address.key_file)
        named = ", ".join(str(file) for file in files if file is not None)
        raise OSError(f"TLS with {named}: {error}") from error
    return context
