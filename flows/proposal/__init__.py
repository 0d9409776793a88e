"""What is recommended, checked, and said about it."""
