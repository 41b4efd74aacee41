"""U+0000 in JSON, told from what only looks like it."""

import json

import pytest

from ingest.characters import without_nul


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("plain", "plain"),
        ("a\x00b", "a\ufffdb"),
        ("\x00\x00", "\ufffd\ufffd"),
        ("\\u0000", "\\u0000"),
        ("\\\x00", "\\\ufffd"),
        ("\\\\\x00\\\\u0000\x00", "\\\\\ufffd\\\\u0000\ufffd"),
        ("\x01\\\ufffd", "\x01\\\ufffd"),
    ],
)
def test_only_nul_is_replaced(text: str, found: str) -> None:
    for body in (json.dumps({text: [text]}), json.dumps({text: [text]}, ensure_ascii=False)):
        assert json.loads(without_nul(body.encode())) == {found: [found]}


def test_a_body_without_it_is_the_same_body() -> None:
    body = b'{"a": "\\u0001 \\\\n"}'
    assert without_nul(body) is body
