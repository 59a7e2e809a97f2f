"""`manage.py doctor`: looks at everything that relaying needs, and says what to do about what it finds.

Each check is a function that yields findings, changes nothing and may be repeated; `examination` runs them
side by side, each with a time limit.
"""
