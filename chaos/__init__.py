"""The chaos suite: real processes under a seeded schedule of faults, judged message by message.

`python -m chaos --help`; what is judged and how to read the table: docs/reliability.md.
"""
