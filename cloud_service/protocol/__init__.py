"""The wire contract in code: topics, requests, replies, errors. Pure; service, gateway and clients share it."""
