"""What is done beside the rules, on changes or on a schedule, and said in the journal like every other source.

`propagation` has tags travel along lineage: `spreading` works out which, `rules.propagation` is what is declared.
Imports `graph`, `ingest` and `rules`, never `api`. Start reading at `propagation`.
"""
