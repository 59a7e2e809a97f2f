"""Listening: the streams of many accounts in one event loop, each account at one listener.

`process` is the process; `keeper` sees to it that it has its share of the accounts; `hearing` is one
account's stream. They are asyncio. What waits for the database or a service they have done in `threads`:
`ledger` (leases), `taking` (batches), `unheard` (rooms that begin to matter) and `troubles`.
"""
