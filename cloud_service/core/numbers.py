"""What a number is in the network."""

from typing import TypeAlias

Number: TypeAlias = int | float
"""A finite JSON number. It stays as it was written: 30 does not become 30.0."""
