"""The cloud service: the engine, which decides, and the process around it."""
