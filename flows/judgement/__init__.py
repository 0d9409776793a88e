"""Whether a person should act on a recommendation: named rules, each with its threshold and its source."""
