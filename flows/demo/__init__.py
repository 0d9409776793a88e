"""A stand-in for a Nightscout site with a synthetic person, for the demonstration and the tests."""
