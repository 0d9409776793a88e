"""The six steps of a run, as plain functions over its run directory: load, prepare, tune, assess, judge, publish.

Each reads what the step before it left on disk and writes its own; the Prefect tasks and the command line call the same
functions. Nothing here knows Prefect; what passes between steps is counts, dates and paths, never records.
"""
