"""The whole network on one machine: broker, service and gateway as child processes of `recharge up`."""
