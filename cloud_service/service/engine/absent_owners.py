"""Which owners have been offline for so long that their points are out of order."""

from datetime import datetime

from cloud_service.core.network import Network
from cloud_service.core.rules import NEVER


class AbsentOwners:
    """The absent owners, and who becomes one or ceases to be: time alone makes no change that would tell."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def __contains__(self, owner: str) -> bool:
        return owner in self._names

    def follow(self, network: Network, now: datetime) -> set[str]:
        """Takes the network as it is now. Returns the owners for whom something is different."""
        after = network.rules.offline
        absences = network.absences() if after != NEVER else ()
        names = {absence.owner for absence in absences if absence.since + after <= now}
        different, self._names = names ^ self._names, names
        return different
