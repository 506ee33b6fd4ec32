"""What a batch of requests costs the database."""

from tests.database.engines import booking, new_station, services
from tests.kit.postgres import Postgres

STATIONS = 10


def test_the_nearest_stations_of_all_bookings_are_found_at_once(postgres: Postgres) -> None:
    """Each statement takes a way to the database and back."""
    with services(postgres.new_database()) as (service,):
        for number in range(STATIONS):
            new_station(service, number)
        service.trouble.statements.clear()
        asked = [booking(f"car{number}", number % STATIONS) for number in range(5 * STATIONS)]
        answers = service.answers(*asked)
        assert [each["result"]["chargingStationID"] for each in answers] == 5 * list(range(1, STATIONS + 1))
        searches = [text for text in service.trouble.statements if "place <->" in text]
        assert len(searches) == 1
