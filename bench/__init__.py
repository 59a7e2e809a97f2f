"""How fast the relay is and what it costs: measured on real processes, never asserted. `make bench`."""
