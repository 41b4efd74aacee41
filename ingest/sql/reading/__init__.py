"""Reads one statement: its syntax tree, what its queries read, what it does."""
