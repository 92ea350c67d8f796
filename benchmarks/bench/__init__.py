"""What `benchmarks/bench.py` measures: rows of two sides or more that do the same work, and the machine's own ceilings.

`pairing` is the harness; `peer_*` re-express another project's loop longhand and hold our side of the same game beside
it; `roofline` relates a round to the rate the machine reaches on plain products.
"""
