"""Prints the schema of the shipped ontology: `python -m api.graphql.sdl > api/schema.graphql`.

The file is the public surface as it was reviewed; a test compares it with the code.
"""

import sys

import ontology
from api.graphql.schema import build_schema


def sdl() -> str:
    return build_schema(ontology.load())[1]


if __name__ == "__main__":
    sys.stdout.write(sdl())
