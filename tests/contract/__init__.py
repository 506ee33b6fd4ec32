"""The wire contract as a client sees it: one suite, over MQTT 5, MQTT 3.1.1 and TCP, against real processes.

The tests ask for the fixture `target` and nothing else of the network, so that they run against any: define
another `target` beside `from tests.contract.fixtures import *`, and import the test classes.
"""
