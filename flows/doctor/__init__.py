"""Looks over a set-up: a table of small checks, each with what it found and the remedy. Never changes or writes."""
