"""Neo4j as a fenced projection of the present: lineage is read from it, the fold never does.

`projection` follows the fold state: `delta` reads what differs since the position that Neo4j holds, `writing` writes
it there in one transaction with the new position, or builds a whole generation beside the running one. `reading` is
the reader that GraphQL gets: present lineage by Neo4j, all else (as of, history, look-ups, pages) by the fold state,
which also stands in while Neo4j is away. `words` derives labels, constraints and indexes from the ontology.
"""

from .connection import Connection
from .projection import Projection
from .reading import Neo4jGraph

__all__ = ["Connection", "Neo4jGraph", "Projection"]
