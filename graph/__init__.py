"""The bitemporal graph: journal, fold, store, lineage.

Envelopes are appended to the journal (`journal`), the `projector` has them decoded into `statements` and folds
them (`fold`, with the pure parts in `timeline` and `identity`) into a store (`sqlite`), which interfaces read
through the port in `reader`. Imports nothing but `ontology`. Start reading at `model`, then `fold`.
"""
