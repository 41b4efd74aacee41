"""The OpenLineage door: checks an event on the way in (`accept`), decodes it into statements (`decode`).

`events` holds the wire types and the checks, `facets` and `flows` read the standard facets, softly: a facet that
does not follow its schema is kept verbatim and yields nothing; `sql_facet` infers what SQL tells beyond them.
Imports `graph`'s words, `ingest.sql` for the SQL, and nothing else of ours.
"""

from .accept import accept, split_batch
from .decode import Decoder

__all__ = ["Decoder", "accept", "split_batch"]
