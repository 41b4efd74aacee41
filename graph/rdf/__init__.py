"""The graph as RDF: a projection of the fold state that nothing else reads, at a triple store on disk or at a server.

`terms` derives IRIs and the JSON-LD context from the ontology; `describing` reads what a snapshot says of entities and
`mapping`, which is pure, makes quads of it; `syntax`, `documents`, `catalogue` and `linked` write those as documents.
`delta` finds what differs since a mark, `updating` makes SPARQL updates of it, `projection` is the thread that brings a
`store` along: `oxigraph` on disk or `remote`. `asking` answers queries: of the present from the store, of the past from
states that `past` makes, by the processes of `workers`, each of which is a `worker`.

Only `oxigraph`, `remote`, `workers` and what uses them need pyoxigraph; start with `mapping`.
"""
