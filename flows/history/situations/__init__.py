"""What bends the data on some days: each situation is one function over `Observed`, and a row of `table`."""
