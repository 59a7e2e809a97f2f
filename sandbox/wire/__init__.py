"""HipChat API v2 over HTTP: one module per family of calls, all built on `wire.calls`."""
