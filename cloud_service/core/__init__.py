"""The network itself: stations, points, reservations and queues. It has no I/O and no clock."""
