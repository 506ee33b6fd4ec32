"""How fast the network is, beside a bare paho-mqtt echo: ./run bench (docs/performance.md)."""
