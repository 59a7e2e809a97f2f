"""The soaks: people who talk of everything at once, within HipChat at its limits, and across services.

plan.py      the accounts, rooms, Tubes and limits
texts.py     any text that people may write
talk.py      says it: messages, emotes, code, corrections, files, notifications; takes some back
faults.py    what the servers do wrong meanwhile
run.py       the soak within HipChat

matrix.py       people on a Matrix homeserver that is restarted under them
matrix_talk.py  what they say: of every kind, with edits, deletions, answers and reactions
across.py       the soaks across services: who talks where, and what they are judged by
standing.py     what stands in the rooms afterwards
reading.py      what a post says about other messages

irc.py          people on an IRC server that is restarted under them, and who heard it all
irc_talk.py     what they say: lines, emotes, notices, pastes
pastes.py       the proof that pastes of many lines reach IRC as they were
gate.py         the way by which our session reaches that server
slack.py        people in a Slack workspace, whose connections are cut
slack_talk.py   what they say: of every kind, in threads and with files
amiss.py        whether answers, reactions and files are what they were

__main__.py  `python -m soak`; runs on the chaos suite, which judges
"""
