"""The doors' inner side: one decoder for each format, from an envelope's bytes to the statements it makes.

`openlineage` reads producers' events, `mutation` what people say, `action` what rules did. Imports `graph`
and nothing else of ours. Start reading at `openlineage.accept`, then `openlineage.decode`.
"""
