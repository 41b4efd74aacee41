"""Andon against other systems' real servers; heavy, so they run by `make systems` alone (the marker `systems`)."""
