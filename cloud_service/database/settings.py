"""Where the state of the network is kept, if not in the data folder."""

from typing import Annotated

from msgspec import Struct
from psycopg.conninfo import make_conninfo

from cloud_service.config.setting import Section, Setting
from cloud_service.config.values import DATABASE, TEXT

StatePassword = Annotated[
    str | None, Setting("state_password", TEXT, Section.PLACES, "the password for the database", secret=True)
]


class StateLogin(Struct, frozen=True):
    """The database, and the login with which the service uses it."""

    state: Annotated[
        str | None,
        Setting(
            "state",
            DATABASE,
            Section.PLACES,
            "PostgreSQL database that holds the network instead of the data folder; several services"
            " may share it",
        ),
    ] = None
    state_password: StatePassword = None

    @property
    def address(self) -> str | None:
        """The connection string of the service's login; None without a database."""
        return None if self.state is None else with_password(self.state, self.state_password)


class StateSettings(StateLogin, frozen=True):
    """The same, and the login that owns its schema."""

    state_owner: Annotated[
        str | None,
        Setting(
            "state_owner",
            DATABASE,
            Section.PLACES,
            "the same database, with the login that owns the schema, to upgrade the schema at the start",
        ),
    ] = None
    state_owner_password: Annotated[
        str | None,
        Setting("state_owner_password", TEXT, Section.PLACES, "the password of that login", secret=True),
    ] = None

    @property
    def owner_address(self) -> str | None:
        """The connection string of the login that owns the schema, if one is given."""
        return (
            None if self.state_owner is None else with_password(self.state_owner, self.state_owner_password)
        )


def with_password(address: str, password: str | None) -> str:
    """The connection string for this login, with its password if there is one."""
    return address if password is None else make_conninfo(address, password=password)
