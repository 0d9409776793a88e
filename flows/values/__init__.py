"""Values every room uses: time, numbers, schedules, the ledger, files. They know no other room."""
