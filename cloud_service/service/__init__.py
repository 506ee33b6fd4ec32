"""The cloud service: the engine that decides, and the process around it."""
