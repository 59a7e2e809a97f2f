"""The soaks: people who talk of everything at once, within HipChat under limits that bind, and with Matrix.

plan.py      the accounts, rooms, Tubes and limits
texts.py     any text that people may write
talk.py      says it: messages, emotes, code, corrections, files, notifications; takes some back
faults.py    what the servers do wrong meanwhile
run.py       the soak within HipChat

matrix.py       people on a Matrix homeserver that is restarted under them
matrix_talk.py  what they say: of every kind, with edits, deletions, answers and reactions
across.py       the soak between HipChat and Matrix
standing.py     what stands in the rooms of both afterwards
reading.py      what a post says about other messages
amiss.py        whether answers, reactions and files are what they were

__main__.py  `python -m soak`; runs on the chaos suite, which judges
"""
