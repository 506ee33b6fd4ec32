"""What commands say to a reader of Portuguese, with the errors that rooms below them raise."""

import json
from pathlib import Path

import pytest

from cloud_service.cli.main import main
from cloud_service.language.language import Language

pytestmark = pytest.mark.usefixtures("portuguese")

FILES = ("charging_stations", "charging_points", "reservations")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The old server's files: a network with nothing in it."""
    place = tmp_path / "data"
    place.mkdir()
    for name in FILES:
        (place / f"{name}.json").write_text("[]")
    return place


def test_a_sound_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(folder)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "0 estações, 0 pontos, 0 reservas; 0 encerradas estão no histórico",
        "0 lotes gravados, 0 desde o último checkpoint; 0 requisições lembradas",
        "íntegra",
    ]


def test_a_damaged_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "charging_points.json").write_text("{}")
    assert main(["verify", str(folder)]) == 1
    finding, verdict = capsys.readouterr().out.splitlines()
    assert finding == (
        f"ERRADO: {folder}/charging_points.json: não é uma lista JSON. Corrija o arquivo, ou ponha um backup"
        " no lugar dele, e inicie de novo; nada foi alterado"
    )
    assert verdict == "não está íntegra"


def test_a_record_that_does_not_fit(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its reason is written to a file, in English, and shown in the reader's language."""
    point = {
        "chargingPointID": 1,
        "chargingStationID": 9,
        "power": 22,
        "kWhPrice": 0.9,
        "availability": "livre",
    }
    (folder / "charging_points.json").write_text(json.dumps([point]))
    main(["verify", str(folder)])
    assert "ERRADO: charging_points.json: sua estação não existe: {" in capsys.readouterr().out


def test_a_backup_and_its_restoration(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backup, place = tmp_path / "backup", str(folder)
    assert main(["backup", str(backup), "--data-dir", place]) == 0
    assert f"verificado: íntegro. Para restaurá-lo, pare a rede e execute: recharge restore {backup}" in (
        capsys.readouterr().out
    )
    assert main(["backup", str(backup), "--data-dir", place]) == 1
    assert capsys.readouterr().err.endswith(f"{backup} já existe; indique uma pasta que ainda não exista\n")
    assert main(["restore", str(backup), "--data-dir", place]) == 1
    assert f"recharge restore: {place} contém uma rede; com --replace, " in capsys.readouterr().err
    assert main(["restore", str(backup), "--data-dir", place, "--replace"]) == 0
    assert f"restaurado: {place} contém a rede de {backup}; inicie-a como antes" in capsys.readouterr().out


def test_a_name_is_forgotten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["forget", "ana", "--data-dir", str(folder)]) == 0
    assert "os arquivos da rede não citam o veículo ana que tem conta\n" in capsys.readouterr().out


@pytest.mark.parametrize("columns", [60, 100])
def test_a_report(
    folder: Path, columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main(["report", "--data-dir", str(folder), "--from", "2026-03-01", "--to", "2026-03-31"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("Recargas encerradas de 01/03/2026 a 31/03/2026, ")
    headings = [["Cance-", "Sem"], ["Estação", "Recargas", "ladas", "vir", "kWh", "Receita", "Em", "uso"]]
    assert [line.split() for line in shown.splitlines()][1:3] == headings
    assert "0,0%" in shown
    assert max(len(line) for line in shown.splitlines()) <= columns


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["verify", "/nowhere"], "verify: /nowhere não é uma pasta"),
        (["accounts", "add"], "accounts: `add` aceita 1 nome; recebeu 0"),
        (["accounts", "add", "a"], "accounts: `add` precisa de --role, e os outros verbos não o aceitam"),
        (["certificates", "show", "x"], "certificates: `show` não aceita nomes; recebeu 1"),
        (["certificates", "device", "gateway"], "certificates: gateway é uma das primeiras contas"),
        (["vehicle", "show"], "vehicle: --name: a reserva de quem?"),
        (["request", "findReservation", "--client", "a b"], "request: 'a b' não é um nome de cliente: "),
        (
            ["health", "gateway", "--mqtt-port", "1"],
            "health: não foi possível conectar ao broker anonymous@127.0.0.1:1: ",
        ),
    ],
)
def test_a_mistake(
    words: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == 1
    assert f"recharge {said}" in capsys.readouterr().err


def test_a_value_keeps_what_scripts_type(portuguese: Language, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["charger", "--help"])
    assert "(padrão: o cadastrado; senão, 0.9)" in " ".join(capsys.readouterr().out.split())
