"""The wire contract in code: topics, requests, replies, errors. Service, gateway and library share it."""
