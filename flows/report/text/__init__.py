"""The report as text: terminal, upstream's own table, Markdown of the run's page."""
