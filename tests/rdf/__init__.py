"""RDF: the mapping, the stores that keep it, SPARQL, linked data and dumps."""
