"""The sheet a person types from: the settings after a step as one app or pump takes them. Writes nothing."""
