"""The contract in the plainest form, for tests to hold the service against.

Lists that are searched from end to end, and arithmetic with datetimes and fractions: no heap, no index, and
nothing of the product. `Model` in answers.py answers the actions, turn.py lets time pass, and slots.py finds
where a charge can be.
"""
