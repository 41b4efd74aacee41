"""What the manual and the README quote, measured: `python -m benchmarks --help`.

A section is a module whose `measure` answers a `report.Section`; `__main__` lists them. `estate` says what is
measured on, `events` what is sent, `service` runs the process under test, `load` and `http` drive it. `server_stack`
does it on PostgreSQL and Neo4j.
"""
