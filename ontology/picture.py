"""Draws the classes of an ontology as SVG: a card for each key class, with its subclasses, under its module."""

from __future__ import annotations

from html import escape

from ontology.model import EntityType, Ontology

_COLUMNS, _WIDTH, _GAP, _MARGIN = 5, 220, 14, 24
_HEAD, _LINE, _TITLE = 50, 18, 40
_Block = tuple[str, list[EntityType]]
"""Cards side by side, and the title above them; "" where they go on under the title of the row before."""

_FONT = "font-family='system-ui, sans-serif'"


def picture(ontology: Ontology) -> str:
    """An SVG document with colours of its own, readable on a light and on a dark page."""
    drawn: list[str] = []
    top = _MARGIN
    for row in _rows(ontology):
        titled = any(title for title, _ in row)
        column = 0
        for title, cards in row:
            if title:
                drawn.append(_label(_left(column), top + 22, title, size=17, weight=600))
            for entity in cards:
                drawn += _card(ontology, entity, _left(column), top + _TITLE * titled)
                column += 1
        top += _TITLE * titled + max(_height(ontology, entity) for _, cards in row for entity in cards) + _GAP
    width = 2 * _MARGIN + _COLUMNS * (_WIDTH + _GAP) - _GAP
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top + _MARGIN}" role="img">'
    title = "<title>The key classes of the ontology with their subclasses, by module</title>"
    return "\n".join([head, title, _box(0, 0, width, top + _MARGIN, "#ffffff", "none", 0), *drawn, "</svg>", ""])


def _rows(ontology: Ontology) -> list[list[_Block]]:
    """The cards of each module, under its title, as many modules in a row as there is room for."""
    rows: list[list[_Block]] = []
    room = 0
    for module in ontology.modules:
        cards = [it for it in ontology.key_classes if it.module == module.name]
        for start in range(0, len(cards), _COLUMNS):
            some = cards[start : start + _COLUMNS]
            if len(some) > room:
                rows.append([])
                room = _COLUMNS
            rows[-1].append(("" if start else module.label, some))
            room -= len(some)
    return rows


def _left(column: int) -> int:
    return _MARGIN + column * (_WIDTH + _GAP)


def _card(ontology: Ontology, entity: EntityType, left: int, top: int) -> list[str]:
    height = _height(ontology, entity)
    above = ", ".join(ontology.classes[it].label.lower() for it in entity.parents if it in ontology.classes)
    drawn = [
        _box(left, top, _WIDTH, height, "#fbfbfc", "#d5d9e0", 8),
        _box(left, top, 6, height, entity.colour, "none", 3),
        _label(left + 18, top + 22, entity.label, size=14, weight=600),
        _label(left + 18, top + 39, f"{entity.kind} · {above}" if above else entity.kind, size=11, fill="#667085"),
    ]
    for number, (depth, below) in enumerate(_below(ontology, entity.name)):
        drawn.append(_label(left + 18 + 14 * depth, top + _HEAD + 12 + _LINE * number, below.label, size=12))
    return drawn


def _below(ontology: Ontology, name: str, depth: int = 0) -> list[tuple[int, EntityType]]:
    """The subclasses with their depth, each under its first superclass."""
    found = []
    for entity in ontology.classes.values():
        if entity.parents and name == next((it for it in entity.parents if ontology.classes[it].kind), None):
            found.append((depth, entity))
            found += _below(ontology, entity.name, depth + 1)
    return found


def _height(ontology: Ontology, entity: EntityType) -> int:
    lines = len(_below(ontology, entity.name))
    return _HEAD + lines * _LINE + (8 if lines else 0)


def _box(left: int, top: int, width: int, height: int, fill: str, stroke: str, radius: int) -> str:
    shape = f'x="{left}" y="{top}" width="{width}" height="{height}" rx="{radius}"'
    return f'<rect {shape} fill="{fill}" stroke="{stroke}"/>'


def _label(left: int, base: int, text: str, *, size: int, weight: int = 400, fill: str = "#1d2939") -> str:
    style = f'font-size="{size}" font-weight="{weight}" fill="{fill}"'
    return f'<text x="{left}" y="{base}" {_FONT} {style}>{escape(text)}</text>'
