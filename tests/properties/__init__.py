"""Properties of the way from data to upstream's files: the same person gives the same, however the data is written."""
