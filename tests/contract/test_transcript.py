"""The previous version: same requests, same replies, and its files can be read."""

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cloud_service.store.file_store import FileStore, StoreOptions
from cloud_service.store.filesystem import DiskFolder
from tests.contract.transcript import FILE, Player
from tests.kit.people import Charger, Place, people_of, target_of
from tests.kit.processes import Stack

FOLDERS = Path(__file__).with_name("transcript_data")
"""That version's data folders after the transcript: `killed` has a journal, `stopped` a checkpoint."""
RECORDED = datetime(2026, 11, 29, 5, 11, tzinfo=UTC)
"""Within the hours in which the folders' reservation is scheduled and their requests are remembered."""


@pytest.fixture(params=["killed", "stopped"])
def data_dir(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDERS / request.param, tmp_path / "data"))


def as_before(played: str) -> list[str]:
    """The lines without the keys that this version adds on MQTT."""
    added = (
        r',"state":"[a-zA-Z]+"(?=\})',
        r'"operational":true,"session":(null|\{[^}]*\}),',
    )
    return re.sub("|".join(added), "", played).splitlines()


def test_the_same_answers(tmp_path: Path) -> None:
    """Byte for byte. `python -m tests.contract.transcript` records a new one."""
    with Stack(tmp_path, time_zone="America/Sao_Paulo") as stack:
        player = Player(target_of(stack))
        try:
            recorded = FILE.read_text()
            assert as_before(player.play(recorded)) == recorded.splitlines()
        finally:
            player.close()


def test_its_files_are_read_as_they_are(data_dir: Path) -> None:
    store = FileStore(DiskFolder(data_dir), StoreOptions())
    recovered = store.load(RECORDED)
    tables = recovered.tables
    assert store.sequence == 46
    assert {key: (row.x, row.y, row.owner) for key, row in tables.stations.items()} == {
        1: (1, 2.5, "charger-a"),
        2: (40, -4, "charger-a"),
    }
    points = [row.public() for row in tables.points.values()]
    assert sorted((row["chargingStationID"], row["chargingPointID"], row["kWhPrice"]) for row in points) == [
        (1, 1, 0.9),
        (1, 3, 0.9),
        (2, 1, 1),
    ]
    assert [row.public()["vehicleID"] for row in tables.reservations.values()] == ["vehicle-c"]
    assert tables.last_station_id == 4
    records = [row.request for row in recovered.remembered]
    remembered = {(record.client, record.identity): record.body for record in records}
    assert remembered["charger-a", "text:a-1"] == '"ok":true,"result":1'
    assert remembered["vehicle-a", "text:v-4"] == '"ok":true,"result":"Sucesso"'
    assert '"code":"NOT_FOUND"' in remembered["vehicle-a", "text:v-5"]
    assert recovered.notes == []


def test_a_service_goes_on_with_its_files(data_dir: Path, tmp_path: Path) -> None:
    with Stack(tmp_path) as stack, people_of(stack) as people:
        assert stack.data_dir == data_dir
        charger = Charger(people.mqtt("charger", "charger-a"))
        assert charger.station(Place(1, 2.5)) == 1
        assert [row["chargingPointID"] for row in charger.points(1)] == [1, 3]
        assert charger.point(1) == 4, "an ID is never given twice"
        assert charger.station(Place(7, 7)) == 5
