"""Talks to Nightscout, and reads what it serves. Knows nothing of insulin."""
