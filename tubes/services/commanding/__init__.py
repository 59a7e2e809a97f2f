"""What people may ask of us in a room, and how it is done.

asked.py     a command about to be carried out, and the answer to it
allowed.py   who may command
asking.py    commands that only ask: help, who, status, map
pinging.py   ping
changing.py  format, mute, unmute
ending.py    disable
joining.py   open, connect
portals.py   portal, and connect with a Portal's address
table.py     all of them
carrying.py  from a row to its answer
"""

from tubes.services.commanding.carrying import carry_out

__all__ = ["carry_out"]
