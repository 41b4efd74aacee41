"""Which Andon this is."""

from importlib import metadata


def version() -> str:
    """The installed distribution's version; `0+unknown` in a source tree that was not installed."""
    try:
        return metadata.version("andon")
    except metadata.PackageNotFoundError:
        return "0+unknown"
