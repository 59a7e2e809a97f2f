"""A scriptable chat service for tests and benchmarks, and the connector that reaches it; see README.md."""
