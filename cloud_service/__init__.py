"""The recharging network: a cloud service behind an MQTT broker, and a gateway for the old TCP protocol."""

__version__ = "0.1.0"
