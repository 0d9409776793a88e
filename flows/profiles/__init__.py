"""A person's therapy profile and its schedules, from every shape Nightscout holds them in."""
