"""Black-box tests: each starts the real service as a process of its own and speaks to it over HTTP only.

Start reading at `service.py` (how a service is started, killed and asked) and `truth.py` (how a graph
is compared with a reference reading of the same events). Nothing here imports the service's own packages.
"""
