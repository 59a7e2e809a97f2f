"""What is said at one service, and what arrives at another: every pair, every kind of thing.

services.py   the services, with people who say things and a look at what stands in a room
cases.py      what people do
trying.py     one case between two services, through the relay
table.py      all of them, as docs/translation.md: `python -m tests.translation`
"""
