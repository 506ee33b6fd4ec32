"""`recharge migrate`: a network moves from a data folder into a database, and back."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloud_service.cli.main import main
from cloud_service.database.connection import connect
from cloud_service.database.copying.copy import (
    begin_copy_into,
    copy_into_database,
    copy_into_folder,
    opened_alone,
    read_alone,
)
from cloud_service.database.copying.folder import begin_copy, read_whole_folder
from cloud_service.database.preparing import prepare_schema
from cloud_service.protocol import topics
from cloud_service.protocol.messages import Message
from cloud_service.service.clock import system_clock
from cloud_service.service.engine.engine import Engine
from cloud_service.service.engine.limits import EngineLimits
from cloud_service.store.errors import WriteFailed
from cloud_service.store.file_store import FileStore, StoreOptions
from cloud_service.store.filesystem import DiskFolder
from cloud_service.store.frozen_folder import FrozenFolder
from tests.database.beside_model import EMPTY
from tests.database.engines import Asked, Service, request, services
from tests.faults.beside_model import BesideModel
from tests.faults.lives import Lives, check_lives
from tests.kit.postgres import Postgres
from tests.kit.scale import Scale
from tests.kit.simulated_disk import SimulatedFolder
from tests.kit.waiting import wait_until

NEED: dict[str, Any] = {"x": 0, "y": 0, "actualBatteryPercentage": 50, "batteryCapacity": 10}
BOOKING = request("car", "scheduleReservation", "asked before", **NEED)


class MovingModel(BesideModel):
    """At each restart and crash, the network moves into a database and back into an empty folder."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def _reopen(self, files: dict[str, bytes]) -> None:
        super()._reopen(self._moved(files))

    def _moved(self, files: dict[str, bytes]) -> dict[str, bytes]:
        source = read_whole_folder(FrozenFolder(Path("folder"), files), None, None, self.now)
        back = SimulatedFolder()
        with connect(self._address) as database:
            database.execute(EMPTY)
        with opened_alone(self._address) as database:
            begin_copy_into(database, "folder")
            copy_into_database(source, database, self.now, lambda count: None)
            contents = read_alone(database, 1)
            begin_copy(back)
            copy_into_folder(
                contents,
                database,
                back,
                lambda: FrozenFolder(Path("back"), back.files()),
                self.now,
                lambda count: None,
            )
        return back.files()


@pytest.mark.timeout(6 * 3600)
def test_lives_that_move(postgres: Postgres, scale: Scale, figure: Callable[[str], None]) -> None:
    """What a network that moves answers, tells and keeps is what the model says."""
    address = postgres.new_database()
    prepare_schema(address, None)

    class MovingLives(Lives):
        def pair(self) -> BesideModel:
            return MovingModel(address)

    count = scale(share=6, full=500)
    check_lives(count, MovingLives, shrink=scale.full)
    figure(f"lives that move between a folder and a database: {count} histories")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder in which car has booked, and the broker knows nothing of it."""
    folder = DiskFolder(tmp_path / "data")
    engine = Engine(FileStore(folder, StoreOptions()), EngineLimits(), system_clock().wall)
    station = answer(engine, request("owner", "newChargingStation", x_position=0, y_position=0))
    point: dict[str, Any] = {
        "chargingStationID": station["result"],
        "power": 10,
        "kWhPrice": 1,
        "availability": "livre",
    }
    answer(engine, request("owner", "newChargingPoint", **point))
    answer(engine, BOOKING)
    engine.close(system_clock().wall)
    folder.close()
    return folder.path


def answer(engine: Engine, asked: Asked) -> Any:
    body = json.dumps({**asked.values, "requestID": asked.request_id}).encode()
    engine.take_in(Message(topics.request(asked.action, asked.client), body), None, time.time())
    (found,) = engine.work(system_clock().wall).answers
    assert found.reply is not None
    return json.loads(found.reply.payload)


def migrate(source: object, target: object) -> int:
    return main(["migrate", "--from", str(source), "--to", str(target)])


def test_what_was_promised_before_holds_afterwards(data: Path, postgres: Postgres, tmp_path: Path) -> None:
    address = postgres.new_database()
    assert migrate(data, address) == 0
    with services(address) as (service,):
        wait_until(lambda: (service.turn(), len(service.told) == 2)[1], "the events were told")
        booked = service.result(request("car", "findReservation"))
        assert service.result(BOOKING) == booked
        other = service.result(request("other", "scheduleReservation", **NEED))
        assert other["reservationID"] == booked["reservationID"] + 1
    assert migrate(address, tmp_path / "back") == 0
    folder = DiskFolder(tmp_path / "back")
    engine = Engine(FileStore(folder, StoreOptions()), EngineLimits(), system_clock().wall)
    assert answer(engine, BOOKING)["result"] == booked
    folder.close()
    assert main(["verify", str(tmp_path / "back")]) == 0


def test_a_target_that_holds_a_network(
    data: Path, postgres: Postgres, capsys: pytest.CaptureFixture[str]
) -> None:
    address = postgres.new_database()
    assert migrate(data, address) == 0
    assert migrate(data, address) == 1
    assert "the database holds a network" in capsys.readouterr().err
    assert migrate(address, data) == 1
    assert "name a folder that holds none" in capsys.readouterr().err


def test_a_network_that_is_in_use(data: Path, postgres: Postgres, capsys: pytest.CaptureFixture[str]) -> None:
    address = postgres.new_database()
    folder = DiskFolder(data)
    assert migrate(data, address) == 1
    assert "is in use by another cloud service" in capsys.readouterr().err
    folder.close()
    with services(address) as (service,):
        service.turn()
        assert migrate(data, address) == 1
        assert "the database is in use by a cloud service" in capsys.readouterr().err


def test_a_copy_that_was_broken_off(
    data: Path, postgres: Postgres, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = postgres.new_database()
    prepare_schema(address, None)
    with opened_alone(address) as database:
        begin_copy_into(database, "data")
        with pytest.raises(WriteFailed, match="is working on the network"):
            Service(address)
    with pytest.raises(WriteFailed, match="broken off"):
        Service(address)
    assert migrate(data, address) == 0
    assert "begins again" in capsys.readouterr().err
    folder = DiskFolder(tmp_path / "back")
    begin_copy(folder)
    folder.close()
    assert main(["verify", str(folder.path)]) == 1
    assert "Run the same `recharge migrate` again" in capsys.readouterr().out
    assert migrate(address, folder.path) == 0
