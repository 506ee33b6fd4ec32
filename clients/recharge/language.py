"""The clients speak English or Brazilian Portuguese, after the environment's language."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from msgspec import Struct


class Language(Struct, frozen=True):
    """What a person reads: called with an English text of the table below, gives it in this language."""

    portuguese: bool = False

    def __call__(self, text: str, /, **values: object) -> str:
        return (PORTUGUESE[text] if self.portuguese else text).format(**values)

    def number(self, value: float, digits: int = 1) -> str:
        text = f"{value:,.{digits}f}"
        return text.translate(_COMMAS) if self.portuguese else text

    def measure(self, value: float) -> str:
        """As short as it can be said: 22 and 7.2."""
        return self.number(value, 0 if float(value).is_integer() else 1)

    def time(self, moment: datetime) -> str:
        """On this machine's clock; with the date where it is not today."""
        local = moment.astimezone()
        if local.date() == datetime.now().astimezone().date():
            return f"{local:%H:%M}"
        return f"{local:%d/%m/%Y %H:%M}" if self.portuguese else f"{local:%Y-%m-%d %H:%M}"


def language_of(environment: Mapping[str, str]) -> Language:
    """As POSIX has it: LC_ALL goes before LC_MESSAGES, and that before LANG."""
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environment.get(variable):
            return Language(portuguese=value.lower().startswith("pt"))
    return Language()


_COMMAS: Final = str.maketrans(",.", ".,")

PORTUGUESE: Final[Mapping[str, str]] = {
    # a vehicle
    "Vehicle {name}: a battery of {capacity} kWh; time passes {times} times as fast": (
        "Veículo {name}: bateria de {capacity} kWh; o tempo passa {times} vezes mais rápido"
    ),
    "Driving about": "Rodando",
    "The reservation stays; go on with --name {name}": "A reserva continua; siga com --name {name}",
    "Battery at {battery} %. Book a charge?": "Bateria em {battery} %. Reservar uma recarga?",
    "Drive there?": "Ir até lá?",
    "[Y/n]": "[S/n]",
    "Driving to the station": "A caminho da estação",
    "{kilometres} km to go": "faltam {kilometres} km",
    "Waiting at the station": "Aguardando na estação",
    "{minutes} min to go": "faltam {minutes} min",
    "Charging": "Carregando",
    "Charging with {power} kW at station {station}, point {point}": (
        "Carregando com {power} kW na estação {station}, ponto {point}"
    ),
    "Charged to {battery} % with {energy} kWh for {price}; left the charging point": (
        "Carregado até {battery} % com {energy} kWh por {price}; ponto de recarga liberado"
    ),
    "{doing}: battery at {battery} %": "{doing}: bateria em {battery} %",
    "The reservation was cancelled; looking for another": "A reserva foi cancelada; procurando outra",
    "The station moved": "A estação mudou de lugar",
    "Reserved point {point} of station {station}, {power} kW, {start} to {finish}, for {price}": (
        "Ponto {point} da estação {station} reservado, {power} kW, das {start} às {finish}, por {price}"
    ),
    "Reservation {number}": "Reserva {number}",
    ", {kilometres} km away": ", a {kilometres} km",
    "Station": "Estação",
    "Charging point": "Ponto de recarga",
    "Power": "Potência",
    "Start": "Início",
    "End": "Fim",
    "Price": "Preço",
    "{price} ({each} per kWh)": "{price} ({each} por kWh)",
    # a charger
    "Charger {name}": "Carregador {name}",
    "Station {station} at ({x}, {y}), points {points}": "Estação {station} em ({x}; {y}), pontos {points}",
    "Where does it stand? Kilometres east: ": "Onde ele fica? Quilômetros a leste: ",
    "Kilometres north: ": "Quilômetros ao norte: ",
    "Point {point} is occupied": "O ponto {point} está ocupado",
    "Point {point} is free": "O ponto {point} está livre",
    "Point {point} is no longer registered": "O ponto {point} não está mais cadastrado",
    "Point {point} is out of order": "O ponto {point} está fora de serviço",
    "Point {point} is in order again": "O ponto {point} voltou ao serviço",
    "Point {point} is reserved for {vehicle}, {start} to {finish}": (
        "O ponto {point} está reservado para {vehicle}, das {start} às {finish}"
    ),
    "{vehicle} has left point {point}": "{vehicle} deixou o ponto {point}",
    "The reservation of {vehicle} on point {point} was changed": (
        "A reserva de {vehicle} no ponto {point} foi alterada"
    ),
    "The reservation of {vehicle} on point {point} was cancelled": (
        "A reserva de {vehicle} no ponto {point} foi cancelada"
    ),
    "The reservation of {vehicle} on point {point} is over": (
        "A reserva de {vehicle} no ponto {point} terminou"
    ),
    "1 points   2 reservations   3 out of order   4 price   q quit": (
        "1 pontos   2 reservas   3 fora de serviço   4 preço   q sair"
    ),
    "Which point? ": "Qual ponto? ",
    "There is no such point": "Esse ponto não existe",
    "The price of one kWh? ": "Qual o preço do kWh? ",
    "No reservations": "Nenhuma reserva",
    "One kWh costs {price} at point {point} now": "Agora o kWh custa {price} no ponto {point}",
    "That is no price": "Isso não é um preço",
    "Point": "Ponto",
    "Vehicle": "Veículo",
    "Price of one kWh": "Preço do kWh",
    "Availability": "Disponibilidade",
    "free": "livre",
    "occupied": "ocupado",
    "reserved": "reservado",
    # a demo
    "Time passes {times} times as fast": "O tempo passa {times} vezes mais rápido",
    # an import
    "{file} cannot be read: {reason}": "Não foi possível ler {file}: {reason}",
    (
        "These stations lie {kilometres} km from the centre, which skews distances east and west; "
        "--centre {latitude:.1f},{longitude:.1f} would suit them. Keep to one centre: with another one "
        "the same file makes other stations."
    ): (
        "Estas estações ficam a {kilometres} km do centro, o que distorce as distâncias leste-oeste; "
        "--centre {latitude:.1f},{longitude:.1f} seria melhor. Mantenha sempre o mesmo centro: com outro, "
        "o mesmo arquivo gera outras estações."
    ),
    "Stations": "Estações",
    "{points} points": "{points} pontos",
    "{stations} of {total} stations": "{stations} de {total} estações",
    "rows in the file": "linhas no arquivo",
    "left out: {reason}": "de fora: {reason}",
    "another fuel": "outro combustível",
    "not open": "não está em operação",
    "no charging ports": "sem pontos de recarga",
    "ports that are no number": "número de pontos ilegível",
    "no usable location": "sem localização utilizável",
    "the same row again": "linha repetida",
    "stations in the file": "estações no arquivo",
    "points in the file": "pontos no arquivo",
    "added": "nesta importação",
    "there already": "já na rede",
    "left out: the location has another owner's station": "de fora: no local há uma estação de outro dono",
    "more at these stations, left as they are": "a mais nestas estações, mantidos como estão",
    "Stopped: {reason}. Import again: what is there already is not doubled.": (
        "Interrompido: {reason}. Importe de novo: o que já está cadastrado não se repete."
    ),
    # all of them
    "The network refuses: {reason}": "A rede recusou: {reason}",
    "The network does not answer: {reason}": "A rede não responde: {reason}",
    "That did not work: {reason}": "Não deu certo: {reason}",
}
"""Every text that a person reads, in English and in Portuguese."""
