"""The link to the MQTT broker: the one package that imports paho-mqtt."""
