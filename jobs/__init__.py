"""Work that goes on beside the rules, by the clock or by what changes: `scheduler` says when a rule's time has come.

Imports `rules`, `graph` and `ontology`, never `api`.
"""
