"""Accidents at every step of writing back, by command and with a seed; see `__main__`."""
