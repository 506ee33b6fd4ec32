"""The tests. A package, because gmqtt installs another one of this name."""
