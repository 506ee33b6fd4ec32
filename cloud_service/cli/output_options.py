"""How a command shows its figures: as tables, JSON or CSV, and as a picture beside them."""

import csv
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated

from msgspec import Struct

from cloud_service.config.command_line import Argument
from cloud_service.config.setting import SettingError
from cloud_service.language.text import Text, TextError


class CannotDraw(TextError):
    """There is no picture."""


class OutputOptions(Struct, frozen=True, kw_only=True):
    as_json: Annotated[bool, Argument("--json", action="store_true", help="print JSON instead of tables")] = (
        False
    )
    as_csv: Annotated[bool, Argument("--csv", action="store_true", help="print CSV instead of tables")] = (
        False
    )
    plot: Annotated[
        Path | None,
        Argument("--plot", metavar="FILE", type=Path, help="also draw a picture (.svg, .png or .pdf)"),
    ] = None

    def require_one_format(self) -> None:
        """Raises SettingError if more than one was asked for."""
        if self.as_json and self.as_csv:
            raise SettingError("--json and --csv: choose one of them")

    def require_drawable(self) -> None:
        """Raises CannotDraw for a picture that cannot be drawn: better now than after a long computation."""
        if self.plot is not None:
            _require_drawable(self.plot)

    def draw(self, picture: Callable[[Path], None]) -> None:
        """Draws the picture if one was asked for. Raises CannotDraw."""
        if self.plot is None:
            return
        try:
            picture(self.plot)
        except (OSError, ValueError) as error:
            raise CannotDraw("--plot {file}: {error}", file=self.plot, error=error) from None

    def show(
        self,
        *,
        tables: Callable[[], None],
        json: Callable[[], str],
        rows: Callable[[], Iterable[Sequence[object]]],
    ) -> None:
        """Prints the figures in the format that was asked for."""
        if self.as_json:
            print(json())
        elif self.as_csv:
            csv.writer(sys.stdout, lineterminator="\n").writerows(rows())
        else:
            tables()


def _require_drawable(file: Path) -> None:
    try:
        from matplotlib.backend_bases import FigureCanvasBase
    except ImportError as error:
        missing = Text(
            "drawing needs matplotlib ({error}); install it with: {command}",
            error=error,
            command=f"{sys.executable} -m pip install matplotlib",
        )
        raise CannotDraw("--plot {file}: {error}", file=file, error=missing) from None
    formats = FigureCanvasBase.get_supported_filetypes()
    if file.suffix.removeprefix(".") not in formats:
        names = ", ".join(f".{name}" for name in sorted(formats))
        raise CannotDraw("--plot {file}: the name ends in none of {formats}", file=file, formats=names)
    if not file.parent.is_dir():
        raise CannotDraw("--plot {file}: there is no folder {folder}", file=file, folder=file.parent)
