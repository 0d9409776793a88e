"""autotune-flows: the reference oref0 autotune over a person's own Nightscout data."""

__version__ = "0.1.0"
