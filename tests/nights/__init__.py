"""Nights of several people at a real service, with faults between: `python -m tests.nights --seed 1`."""
