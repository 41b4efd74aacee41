"""What the server stack survives, tried on the whole of it: `andon serve` processes, PostgreSQL, Neo4j, webhooks.

`installation` starts and watches it, `sending` keeps it under load, `aftermath` says what must be so afterwards.
"""
