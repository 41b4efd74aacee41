"""One suite a port, run over every adapter of it: `adapters` lists them, the tests name none."""
