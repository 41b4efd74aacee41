"""What is done beside the rules, by the clock or on changes, and said in the journal like every other source.

`scheduler` says when a rule's time has come. `propagation` has tags travel along lineage: `spreading` works out which,
`rules.propagation` is what is declared. Imports `graph`, `ingest` and `rules`, never `api`. Start reading at
`propagation`.
"""
