"""The contract suite on PostgreSQL: the same tests as on a data folder."""

from tests.stack.in_container import suite

globals().update({name: test for name, test in vars(suite).items() if name.startswith(("test_", "Test"))})
