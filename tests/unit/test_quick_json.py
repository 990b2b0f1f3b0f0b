"""The quick reading and writing of JSON says what the standard library says."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay import quick_json

NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=[])) | st.text()
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)
)


@given(value=VALUES, ascii_only=st.booleans())
def test_what_the_standard_library_writes_is_read_the_same(value: Any, *, ascii_only: bool) -> None:  # noqa: ANN401 - JSON
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert repr(quick_json.loads(text)) == repr(json.loads(text))


@given(value=VALUES)
def test_what_is_written_is_one_line_and_read_back(value: Any) -> None:  # noqa: ANN401 - JSON
    written = quick_json.dumps(value)
    assert b"\n" not in written
    assert repr(json.loads(written)) == repr(value)


@pytest.mark.parametrize("text", ["", "{", "[1,]", "nul", '{"a" 1}', "1 2", "'a'", "\x00", '"\t"'])
def test_what_is_no_json_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(json.JSONDecodeError) as expected:
        json.loads(text)
    with pytest.raises(json.JSONDecodeError) as refused:
        quick_json.loads(text.encode())
    assert (refused.value.pos, refused.value.msg) == (expected.value.pos, expected.value.msg)


def test_what_only_the_standard_library_reads_is_read() -> None:
    assert quick_json.loads(r'"\ud800"') == "\ud800"
    assert math.isnan(quick_json.loads("NaN"))
