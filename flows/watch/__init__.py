"""Whether each person has a result of each night, and who is told where not."""
