"""Looks over a set-up: a table of small checks, each with what it found and the mend. Changes nothing, never writes."""
