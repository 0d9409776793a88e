"""What stands before every page: known names, sessions, forms of our own, limits, headers, and a log that says little.

`gate` puts it together; every path needs a session but those that `gate.Access` names.
"""
