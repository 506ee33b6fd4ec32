"""The picture of `recharge report --plot`. Needs matplotlib, which is optional."""

from pathlib import Path
from typing import Final

from matplotlib.figure import Figure

from cloud_service.reports.period import HOURS
from cloud_service.reports.report import Report

_MOST_STATIONS: Final = 20


def draw(report: Report, file: Path) -> None:
    """Draws utilisation by hour, and the stations with the most energy. Raises OSError or ValueError."""
    figure = Figure(figsize=(8, 8), layout="constrained")
    by_hour, by_station = figure.subplots(2)
    by_hour.bar(HOURS, [100 * (share or 0) for share in report.figures.utilisation_by_hour])
    by_hour.set(title="Points in use", xlabel="hour of the day", ylabel="%", xticks=HOURS[::3])
    stations = sorted(report.stations, key=lambda station: -station.figures.energy)[:_MOST_STATIONS]
    names = [str(station.station_id) for station in stations]
    energies = [float(station.figures.energy) for station in stations]
    by_station.bar(range(len(names)), energies, tick_label=names)
    by_station.set(title="Energy by station", xlabel="station", ylabel="kWh")
    for axes in (by_hour, by_station):
        axes.set_ylim(bottom=0)
    figure.suptitle(f"{report.figures.charges:,} charges, {report.figures.energy:,.1f} kWh")
    figure.savefig(file)
