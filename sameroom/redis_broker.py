"""Redis as the broker, without a memory of what is under way.

Every task is an alarm for rows, and the sweep rings again for what was lost with its worker. kombu's own
transport writes each message into Redis once more until it is acknowledged, and puts back what is under way
when a connection ends: where the server is gone, that ends the worker (kombu 5.7, `QoS.restore_unacked`
over a connection without parameters).
"""

from kombu.transport import redis


class Channel(redis.Channel):
    ack_emulation = False
    do_restore = False


class Transport(redis.Transport):
    Channel = Channel
