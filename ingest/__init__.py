"""The doors' inner side: one decoder for each format, from an envelope's bytes to the statements it makes.

`openlineage` reads producers' events, `facts` what sources and people say outright of entities, `mutation` what else
people say, `action` what rules did. `focus`, `policies`, `mlflow` and `glossary` make facts of what others keep.
Imports `graph` and `ontology`, and nothing else of ours. Start reading at `openlineage.accept`, then
`openlineage.decode`.
"""
