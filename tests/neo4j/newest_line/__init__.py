"""The very tests of the long-term line of Neo4j, over its newest: `neo4j` is another server here.

One module for each, since names of several would run into each other.
"""
