"""Answers of the table that lack a part, and what each failure says: nothing that AWS leaves out is a bug here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError, ReadTimeoutError

from stream_processor.errors import RefusedError, TransientError
from stream_processor.table import _cancellation, _table_error

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError


def answered(**response: Any) -> ClientError:  # noqa: ANN401 - as JSON has it
    """An error as the SDK hands it over."""
    return ClientError(response, "Query")  # type: ignore[arg-type] # parts are left out on purpose


@pytest.mark.parametrize(
    "error",
    [answered(), answered(Error={}), answered(Error={}, ResponseMetadata={})],
    ids=["nothing", "no code", "no status"],
)
def test_an_error_without_a_code_is_refused_as_unknown(error: ClientError) -> None:
    found = _table_error(error)
    assert (type(found), str(found)) == (RefusedError, "Unknown")
    assert isinstance(found, RefusedError)
    assert found.code == "Unknown"


@pytest.mark.parametrize(("status", "kind"), [(499, RefusedError), (500, TransientError)])
def test_an_error_without_a_code_is_judged_by_its_status(status: int, kind: type) -> None:
    assert type(_table_error(answered(ResponseMetadata={"HTTPStatusCode": status}))) is kind


def test_a_reason_without_a_code_is_none() -> None:
    assert type(_cancellation([{}, {"Code": "TransactionConflict"}])) is TransientError
    assert type(_cancellation([{}, {}])) is RefusedError


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ReadTimeoutError(endpoint_url="https://x"), "the table did not answer in time or the connection broke"),
        (NoCredentialsError(), "the request could not be sent"),
    ],
)
def test_what_never_was_answered_says_so(error: BotoCoreError, said: str) -> None:
    assert str(_table_error(error)) == said
