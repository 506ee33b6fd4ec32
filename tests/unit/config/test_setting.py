"""A record declares settings, and gives them to another process."""

from msgspec import NODEFAULT

from cloud_service.config.environment import to_environment
from cloud_service.config.setting import Section, declared_settings
from tests.unit.config.sample import HOST_NAME, TOKEN, WIDTH, Options, read


def test_names() -> None:
    assert (WIDTH.flag, WIDTH.variable) == ("--sign-width", "RECHARGE_SIGN_WIDTH")
    assert (TOKEN.flag, TOKEN.variable) == (None, "RECHARGE_SIGN_TOKEN")
    assert (TOKEN.secret_file.flag, TOKEN.secret_file.variable) == (
        "--sign-token-file",
        "RECHARGE_SIGN_TOKEN_FILE",
    )


def test_declared_settings_come_once_and_by_section() -> None:
    found = {declared.setting.name: declared.default for declared in declared_settings(Options)}
    assert found == {
        "sign_width": 40,
        "sign_host": "127.0.0.1",
        "sign_port": None,
        "sign_token": None,
        "sign_token_file": None,
    }
    assert next(iter(found)) == "sign_width"
    assert NODEFAULT not in found.values()
    assert list(Section).index(WIDTH.section) < list(Section).index(HOST_NAME.section)


def test_another_process_gets_the_same_settings_but_no_secret() -> None:
    options = read("a", "--sign-width", "20", environment={"RECHARGE_SIGN_TOKEN": "secret"})
    environment = to_environment(options)
    assert environment == {
        "RECHARGE_SIGN_WIDTH": "20",
        "RECHARGE_SIGN_HOST": "127.0.0.1",
        "RECHARGE_SIGN_PORT": "",
    }
    assert read("a", environment=environment).sign.width == 20
