"""The commands of containers by the names that saved pools and compose files have; the code is in `orchestration`."""
