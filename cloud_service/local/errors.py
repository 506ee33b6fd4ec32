"""Why the network cannot be started on this machine."""

from cloud_service.language.text import TextError


class CannotStart(TextError):
    """The network cannot be started here. The text says why, and what to do."""


class UnknownHost(CannotStart):
    """A setting names a host that does not exist."""
