"""The oracle of the fold: a naive reference, hand-written nasty sequences, and generated histories.

It imports nothing of the packages it judges. Start with `state.py` (what it takes a state to be, and its
choices), then `nasty.py`.
"""
