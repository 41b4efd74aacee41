"""What the world sees of Andon: HTTP doors, GraphQL, keys, metrics, the command line, and the one place that
ties all parts together.

May import every other package; none imports this one. Start reading at `app` (what is built and how it is
wired), then `front` (what happens to each request), `openlineage` (events in) and `graphql` (questions out).
"""
