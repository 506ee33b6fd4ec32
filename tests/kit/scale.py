"""How many faults a run injects: a share within minutes, or all of them within hours."""


class Scale:
    """Chooses between the number for `--faults share` and the one for `--faults full`."""

    def __init__(self, full: bool) -> None:
        self.full = full

    def __call__(self, *, share: int, full: int) -> int:
        return full if self.full else share
