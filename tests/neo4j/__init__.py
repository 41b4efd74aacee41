"""Neo4j as a projection of the present, with a real server behind it."""
