"""The hot path, left to right: reading → intake → routing → lanes. Nothing walks back.

reading.py    polls the rooms of an account that are due
intake.py     takes a page of events in: one transaction with routing and the read position
routing.py    walks the Tube Network from a room and chooses the Seats that post
lanes.py      posts what is queued at one Seat, strictly in order, under a lease
settling.py   finds out what became of a send that was cut off
rendering/    an event as what one Seat posts
bell.py       wakes a worker; may be lost, the sweep rings again
"""
