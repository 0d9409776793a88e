"""What a Prefect server is told so that it serves this application: pools, limits, notices. Used by its set-up only."""
