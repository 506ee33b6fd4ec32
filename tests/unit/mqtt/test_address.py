"""The addresses of several brokers."""

import pytest

from cloud_service.config.setting import SettingError
from cloud_service.config.values import Place
from cloud_service.mqtt.address import BrokerAddresses


def test_each_has_its_own_port_or_that_of_all() -> None:
    addresses = BrokerAddresses((Place("a"), Place("b", 1885), Place("a", 1885)), port=1884)
    assert [(each.host, each.port) for each in addresses.each] == [("a", 1884), ("b", 1885), ("a", 1885)]


@pytest.mark.parametrize("host", ["a", "::1"])
def test_a_broker_that_is_named_with_and_without_its_port_is_refused(host: str) -> None:
    addresses = BrokerAddresses((Place(host), Place(host, 1883)))
    with pytest.raises(SettingError, match=r"--mqtt-host: .*:1883 is named twice"):
        _ = addresses.each
