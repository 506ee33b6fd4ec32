"""The whole network on one machine: broker, service and gateway as processes of one supervisor."""
