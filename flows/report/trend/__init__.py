"""A person's runs over time: what was recommended, what was applied, time in range before and after."""
