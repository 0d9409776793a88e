"""What happens to people who act on the numbers, week after week: several policies on the same people and days."""
