"""The network itself: stations, points, reservations, the nearest, the queue. No I/O, no clock, no MQTT."""
