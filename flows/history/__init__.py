"""Makes a trustworthy history of readings and treatments, with a ledger of every change."""
