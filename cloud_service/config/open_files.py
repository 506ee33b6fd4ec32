"""The limit of open files: each connection is one, and a shell usually allows 1,024."""

import logging
import resource
from typing import Final

log = logging.getLogger(__name__)

_OTHERS: Final = 64
"""Files of the process that are no connections of clients."""


def allow_connections(wanted: int) -> int:
    """Raises this process's limit to fit so many connections. Returns how many fit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed, fitting = wanted + _OTHERS, wanted
    if hard != resource.RLIM_INFINITY and hard < needed:
        needed, fitting = hard, max(hard - _OTHERS, 1)
        log.warning("limited to %d connections: the system allows %d open files", fitting, hard)
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    return fitting
