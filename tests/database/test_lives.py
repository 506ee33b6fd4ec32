"""The histories that a data folder is tried with, on PostgreSQL: the same answers, and the same events."""

from collections.abc import Callable

import pytest

from tests.database.beside_model import DatabaseBesideModel
from tests.faults.beside_model import BesideModel
from tests.faults.lives import Lives, check_lives
from tests.kit.postgres import Postgres
from tests.kit.scale import Scale


@pytest.mark.timeout(6 * 3600)
def test_lives_on_postgresql(postgres: Postgres, scale: Scale, figure: Callable[[str], None]) -> None:
    address = postgres.new_database()

    class LivesOnPostgres(Lives):
        def pair(self) -> BesideModel:
            self.on_postgres = DatabaseBesideModel(address)
            return self.on_postgres

        def teardown(self) -> None:
            try:
                super().teardown()
            finally:
                self.on_postgres.close()

    count = scale(share=20, full=2_000)
    check_lives(count, LivesOnPostgres, shrink=scale.full)
    figure(f"the life of reservations on PostgreSQL, beside the model: {count} histories")
