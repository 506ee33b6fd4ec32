"""The picture of `recharge report --plot`. Needs matplotlib, which is optional."""

from pathlib import Path
from typing import Final

from matplotlib.figure import Figure

from cloud_service.language.language import Language
from cloud_service.reports.period import HOURS
from cloud_service.reports.report import Report

_MOST_STATIONS: Final = 20


def draw(report: Report, file: Path, say: Language) -> None:
    """Draws utilisation by hour, and the stations with the most energy. Raises OSError or ValueError."""
    figure = Figure(figsize=(8, 8), layout="constrained")
    by_hour, by_station = figure.subplots(2)
    by_hour.bar(HOURS, [100 * (share or 0) for share in report.figures.utilisation_by_hour])
    by_hour.set(title=say("Points in use"), xlabel=say("hour of the day"), ylabel="%", xticks=HOURS[::3])
    stations = sorted(report.stations, key=lambda station: -station.figures.energy)[:_MOST_STATIONS]
    names = [str(station.station_id) for station in stations]
    energies = [float(station.figures.energy) for station in stations]
    by_station.bar(range(len(names)), energies, tick_label=names)
    by_station.set(title=say("Energy by station"), xlabel=say("Station"), ylabel="kWh")
    for axes in (by_hour, by_station):
        axes.set_ylim(bottom=0)
    charges, energy = say.number(report.figures.charges, 0), say.number(report.figures.energy)
    figure.suptitle(say("{charges} charges, {energy} kWh", charges=charges, energy=energy))
    figure.savefig(file)
