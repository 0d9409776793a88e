"""The language that people are spoken to in: one catalogue of sentences, and numbers and dates as it has them.

What is stored (proposals, manifests, ledgers, logs) is English whatever the language: only what is shown is said in it.
"""
