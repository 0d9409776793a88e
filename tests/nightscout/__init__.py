"""A Nightscout for tests, in this process: what versions 0.12.8 and 15.0.7 answer, as measured on real servers.

`site.Site` answers a request; nothing here knows HTTP. `tests/integration/standin.py` serves it, and does harm to it.
`tests/integration/test_transcripts.py` holds both versions against what real servers answered.
"""
