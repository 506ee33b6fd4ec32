"""Attacks on the monitor: other pages, other names for its address, guessed logins, malformed requests."""

import asyncio
import http.client
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlencode

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from cloud_service.config.command_line import CommandLine
from cloud_service.metrics.settings import MetricsSettings
from cloud_service.monitor.process import run_monitor
from cloud_service.monitor.settings import MonitorSettings
from cloud_service.mqtt.address import BrokerAddress
from tests.kit.monitor import Monitor
from tests.kit.processes import HOST, Broker, Stack

TOKEN = "a-token-that-nobody-guesses"
FOREIGN = "https://elsewhere.example"
_LARGE = 100_000


class Answer:
    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self.body = answer.read()


def ask(
    monitor: Monitor, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> Answer:
    """Sends exactly this, with the right Host unless `headers` has another."""
    connection = http.client.HTTPConnection(HOST, monitor.port, timeout=30)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": f"{HOST}:{monitor.port}", **(headers or {})}.items():
            connection.putheader(name, value)
        if body:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body or None)
        return Answer(connection.getresponse())
    finally:
        connection.close()


def socket_status(monitor: Monitor, headers: Mapping[str, str] | None = None) -> int:
    """With which status the WebSocket opens, or is refused."""

    async def open_socket() -> int:
        address = f"ws://{HOST}:{monitor.port}/api/live"
        try:
            async with connect(address, additional_headers=dict(headers or {}), max_size=None) as socket:
                assert json.loads(await socket.recv())["whole"]
                return 101
        except InvalidStatus as refused:
            return refused.response.status_code

    return asyncio.run(open_socket())


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Only the broker runs: the monitor lives with that."""
    folder = tmp_path_factory.mktemp("monitor")
    with Broker(folder / "broker") as broker:
        yield Stack(folder, broker)


@pytest.fixture(scope="module")
def operators(stack: Stack) -> Iterator[Monitor]:
    """A monitor that may change something, without a token, as on the machine of one person."""
    with Monitor(stack, mqtt_user="operator") as monitor:
        yield monitor


@pytest.fixture(scope="module")
def locked(stack: Stack) -> Iterator[Monitor]:
    """A monitor that wants a token."""
    with Monitor(stack, http_token=TOKEN) as monitor:
        yield monitor


@pytest.mark.parametrize("path", ["/", "/page/main.js", "/api/stations", "/api/stations/1", "/nowhere"])
def test_every_answer_forbids_what_the_page_does_not_need(operators: Monitor, path: str) -> None:
    headers = ask(operators, "GET", path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in headers
    assert "server" not in headers


def test_the_page_has_no_inline_script_or_style(operators: Monitor) -> None:
    page = ask(operators, "GET", "/").body.decode()
    assert "<style" not in page
    assert " style=" not in page
    assert page.count("<script") == page.count('<script type="module" src="/page/')


@pytest.mark.parametrize(
    "host", ["elsewhere.example", "127.0.0.1.elsewhere.example", "", "[", "localhost@elsewhere.example", "0"]
)
def test_a_name_that_somebody_else_points_here_is_refused(operators: Monitor, host: str) -> None:
    assert ask(operators, "GET", "/api/stations", {"Host": host}).status in (400, 421)
    assert ask(operators, "POST", "/api/reservations", {"Host": host}, b"{}").status in (400, 421)


def test_the_names_of_this_machine_are_taken(operators: Monitor) -> None:
    for host in ("localhost", "LOCALHOST:1", f"127.0.0.1:{operators.port}", "[::1]:8080"):
        assert ask(operators, "GET", "/api/stations", {"Host": host}).status == 200, host


@pytest.mark.parametrize("origin", [FOREIGN, "null", "http://127.0.0.1:1", "http://[", "file://"])
def test_another_page_changes_nothing_and_opens_no_socket(operators: Monitor, origin: str) -> None:
    headers = {"Origin": origin}
    assert ask(operators, "POST", "/api/reservations", headers, b"{}").status == 403
    assert ask(operators, "DELETE", "/api/reservations/1", headers, b"{}").status == 403
    assert socket_status(operators, headers) == 403


def test_its_own_page_may(operators: Monitor) -> None:
    headers = {"Origin": f"http://{HOST}:{operators.port}"}
    assert ask(operators, "POST", "/api/reservations", headers, b"{}").status != 403
    assert socket_status(operators, headers) == 101


@pytest.mark.parametrize(
    "path", ["/api/stations", "/api/stations/1", "/api/page", "/metrics", "/leaflet/leaflet.js"]
)
def test_without_the_login_there_is_nothing(locked: Monitor, path: str) -> None:
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Cookie": f"recharge_login={TOKEN}"},
        {"Cookie": "recharge_login="},
        {"Cookie": "recharge_login=\x01; [=;; a/b=c"},
        {"Cookie": "recharge_login=" + "é" * 64},
    ):
        assert ask(locked, "GET", path, headers).status == 401, headers
    assert ask(locked, "GET", path, {"Authorization": f"Bearer {TOKEN}"}).status != 401


def test_without_the_login_there_is_no_socket(locked: Monitor) -> None:
    assert socket_status(locked) == 403
    assert socket_status(locked, {"Authorization": f"Bearer {TOKEN}"}) == 101


def test_the_page_asks_for_the_token(locked: Monitor) -> None:
    assert b"main.js" not in ask(locked, "GET", "/").body


def test_the_login_gives_a_cookie_that_no_script_and_no_other_page_uses(locked: Monitor) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    wrong = ask(locked, "POST", "/login", form, urlencode({"token": "wrong"}).encode())
    assert "Set-Cookie" not in wrong.headers
    right = ask(locked, "POST", "/login", form, urlencode({"token": TOKEN}).encode())
    cookie = right.headers["Set-Cookie"]
    assert TOKEN not in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    login = {"Cookie": cookie.split(";")[0]}
    assert ask(locked, "GET", "/api/stations", login).status == 200
    assert socket_status(locked, login) == 101
    foreign = {**form, "Origin": FOREIGN}
    assert ask(locked, "POST", "/login", foreign, urlencode({"token": TOKEN}).encode()).status == 403


def test_a_form_of_its_own_page_carries_its_origin(locked: Monitor) -> None:
    """With no-referrer, browsers send `Origin: null` with a form, and the login would be refused."""
    assert ask(locked, "GET", "/").headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize(
    ("host", "token"),
    [("0.0.0.0", None), ("::", None), ("192.0.2.1", None), ("127.0.0.1", "short")],
)
def test_it_does_not_start_where_strangers_could_enter(
    host: str, token: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    settings = MonitorSettings(host=host, port=0, token=token)
    assert run_monitor(settings, BrokerAddress(HOST, 1), MetricsSettings()) == 1
    assert "token" in caplog.text.lower()


def test_a_token_is_no_argument(tmp_path: Path) -> None:
    """Other users of a machine can read the arguments of its processes."""
    line = CommandLine("recharge monitor", (MonitorSettings,), "")
    with pytest.raises(SystemExit):
        line.read(["--http-token", TOKEN], {})
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    assert line.read(["--http-token-file", str(file)], {}).record(MonitorSettings).token == TOKEN


@pytest.mark.parametrize(
    "path",
    [
        "/page/../application.py",
        "/page/%2e%2e/application.py",
        "/page/..%2fapplication.py",
        "/leaflet/../../../../../etc/passwd",
        "/page//etc/passwd",
        "/page/%00",
        "/page/%",
    ],
)
def test_only_the_pages_own_files_are_served(operators: Monitor, path: str) -> None:
    assert ask(operators, "GET", path).status in (400, 404)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=-1", "limit=1e9", "limit=1001", "limit=x", "offset=-1", "near=1", "near=1,2,3",
        "near=a,b", "near=nan,0", "minPower=much", "minPower=nan", "free=perhaps", "limit=" + "9" * 5000,
        "near=1e999,0",
    ],
)  # fmt: skip
def test_wrong_parameters_are_named(operators: Monitor, query: str) -> None:
    answer = ask(operators, "GET", f"/api/stations?{query}")
    assert answer.status == 400, answer.body
    error = json.loads(answer.body)["error"]
    assert error["code"] == "BAD_REQUEST"
    assert error["message"]


@pytest.mark.parametrize(
    "path", ["/api/stations/0", "/api/stations/" + "9" * 5000, "/api/stations/x", "/api/x"]
)
def test_what_does_not_exist_is_not_found(operators: Monitor, path: str) -> None:
    answer = ask(operators, "GET", path)
    assert answer.status == 404
    assert json.loads(answer.body)["error"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"{", b"\xff", b"[" * 4000, b'{"a": ' * 600, b'{"x": NaN}'],
    ids=["empty", "list", "null", "cut off", "no UTF-8", "deep list", "deep object", "NaN"],
)
def test_bodies_that_are_no_object_are_refused(operators: Monitor, body: bytes) -> None:
    assert ask(operators, "POST", "/api/reservations", {}, body).status == 400


def test_a_large_body_is_not_read(operators: Monitor) -> None:
    answer = ask(operators, "POST", "/api/reservations", {}, b"{" + b" " * _LARGE + b"}")
    assert answer.status in (400, 413)


def test_another_vehicles_booking_is_not_cancelled(operators: Monitor) -> None:
    body = json.dumps({"vehicleID": "ana"}).encode()
    assert ask(operators, "DELETE", "/api/reservations/1", {}, body).status == 400


def test_a_monitors_account_books_nothing(locked: Monitor) -> None:
    login = {"Authorization": f"Bearer {TOKEN}"}
    assert ask(locked, "POST", "/api/reservations", login, b"{}").status == 404
    assert not json.loads(ask(locked, "GET", "/api/page", login).body)["booking"]


def test_what_a_viewer_sends_does_no_harm(operators: Monitor) -> None:
    """Garbage, a text that is too large and bytes end or resynchronise this viewer, and nobody else."""

    async def attack() -> None:
        address = f"ws://{HOST}:{operators.port}/api/live"
        async with connect(address, max_size=None) as other:
            await other.recv()
            for text in ("no JSON", "{}", '{"resync": true}', b"bytes", "x" * _LARGE, os.urandom(100)):
                async with connect(address, max_size=None) as socket:
                    assert json.loads(await socket.recv())["whole"]
                    await socket.send(text)
            async with connect(address, max_size=None) as last:
                assert json.loads(await last.recv())["whole"]
            await other.send('{"resync": true}')
            assert json.loads(await other.recv())

    asyncio.run(attack())
    operators.check()
    assert "Traceback" not in operators.tail()
