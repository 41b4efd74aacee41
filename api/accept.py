"""Content negotiation: which of the media types that there are the caller likes best (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

ANYTHING = "*/*"


def choose(accept: str, offers: Sequence[str]) -> str | None:
    """The offer that the Accept header likes best, the first of those it likes alike; None for none of them.

    An empty header likes everything.
    """
    wanted = _ranges(accept or ANYTHING)
    best, best_quality = None, 0.0
    for offer in offers:
        quality = _quality(offer, wanted)
        if quality > best_quality:
            best, best_quality = offer, quality
    return best


def accept_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The Accept headers of a request as one."""
    return ", ".join(value.decode("latin-1") for name, value in headers if name == b"accept")


def _ranges(accept: str) -> Mapping[str, float]:
    found: dict[str, float] = {}
    for part in accept.split(","):
        media, *parameters = (it.strip() for it in part.lower().split(";"))
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                try:
                    quality = min(max(float(value), 0.0), 1.0)
                except ValueError:
                    quality = 0.0
        if media:
            found[media] = max(quality, found.get(media, 0.0))
    return found


def _quality(offer: str, wanted: Mapping[str, float]) -> float:
    """Of the range that fits most closely."""
    plain = offer.partition(";")[0]
    for media in (plain, plain.partition("/")[0] + "/*", ANYTHING):
        if media in wanted:
            return wanted[media]
    return 0.0
