"""Kanban Coffee, a small online shop that does not exist: its data estate, and a week in its life.

`declare` has the words, `datasets` and `jobs` are written in them, `estate` names both and says what
happened this week, `facets` puts it in OpenLineage's terms, `history` makes the week's events, `load` sends
them with the official client.
"""
