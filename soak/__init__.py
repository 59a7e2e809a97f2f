"""The soak: HipChat accounts that talk of everything at once, under faults and limits that bind.

plan.py      the accounts, rooms, Tubes and limits
texts.py     any text that people may write
talk.py      says it: messages, emotes, code, corrections, files, notifications; takes some back
faults.py    what the server does wrong meanwhile
__main__.py  `python -m soak`; runs on the chaos suite, which judges
"""
