"""What the environment may say, and what is answered where it says nonsense."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.errors import ConfigurationError
from stream_processor.settings import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, RESERVE_MS, WORKERS_MAX, Settings

TABLE = {"TABLE_NAME": "messages"}


def test_the_tables_name_is_enough() -> None:
    assert Settings.from_env(TABLE) == Settings(
        table_name="messages",
        group_index_name="message-group-sk-index",
        quarantine_bucket=None,
        max_future_s=None,
        workers=8,
    )


def test_every_setting_has_its_variable() -> None:
    environment = {
        "TABLE_NAME": "t",
        "GROUP_INDEX_NAME": "i",
        "QUARANTINE_BUCKET": "b",
        "MAX_FUTURE_S": "90.5",
        "WORKERS": "1",
        "POWERTOOLS_SERVICE_NAME": "s",
        "PATH": "/bin",
    }
    assert Settings.from_env(environment) == Settings("t", "i", "b", 90.5, 1, "s")


def test_an_empty_optional_variable_counts_as_not_set() -> None:
    empty = dict.fromkeys(
        ["GROUP_INDEX_NAME", "QUARANTINE_BUCKET", "MAX_FUTURE_S", "WORKERS", "POWERTOOLS_SERVICE_NAME"], ""
    )
    assert Settings.from_env(TABLE | empty) == Settings.from_env(TABLE)


@pytest.mark.parametrize("environment", [{}, {"TABLE_NAME": ""}], ids=["missing", "empty"])
def test_a_missing_table_name_is_told(environment: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=r"^TABLE_NAME is not set: give the messages table's name$"):
        Settings.from_env(environment)


def test_a_name_that_is_nearly_right_is_told() -> None:
    with pytest.raises(ConfigurationError, match=r"\(TABLENAME is set: is that the one\?\)"):
        Settings.from_env({"TABLENAME": "messages", "TIMETABLE_URL": "x", "HOME": "/"})


@pytest.mark.parametrize(("text", "seconds"), [("0", 0.0), ("60", 60.0), ("1e3", 1000.0), ("off", None), ("", None)])
def test_the_bound_on_the_future_is_seconds_or_off(text: str, seconds: float | None) -> None:
    assert Settings.from_env(TABLE | {"MAX_FUTURE_S": text}).max_future_s == seconds


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "-inf", "soon", "60s", "OFF", " "])
def test_any_other_bound_on_the_future_is_told(text: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^MAX_FUTURE_S is '{text}': give seconds, 0 or more, or 'off'$"):
        Settings.from_env(TABLE | {"MAX_FUTURE_S": text})


@pytest.mark.parametrize("text", ["1", "64", "08"])
def test_workers_are_a_whole_number(text: str) -> None:
    assert Settings.from_env(TABLE | {"WORKERS": text}).workers == int(text)


@pytest.mark.parametrize("text", ["0", "65", "-1", "1.0", "two", " 8", "\u0668", "\u00b2"])
def test_any_other_number_of_workers_is_told(text: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^WORKERS is '{text}': give a whole number from 1 to {WORKERS_MAX}$"):
        Settings.from_env(TABLE | {"WORKERS": text})


@given(st.dictionaries(st.sampled_from(["GROUP_INDEX_NAME", "MAX_FUTURE_S", "WORKERS"]), st.text(max_size=5)))
def test_whatever_the_environment_says_is_a_setting_or_told(environment: dict[str, str]) -> None:
    try:
        settings = Settings.from_env(TABLE | environment)
    except ConfigurationError as error:
        assert "WORKERS is" in str(error) or "MAX_FUTURE_S is" in str(error)  # noqa: PT017 - either answer is right
    else:
        assert 1 <= settings.workers <= WORKERS_MAX
        assert settings.max_future_s is None or settings.max_future_s >= 0


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings("t").workers = 2  # type: ignore[misc] # that is the point


def test_the_reserve_covers_one_request_and_the_answer() -> None:
    assert RESERVE_MS == 2750
    assert RESERVE_MS > 1000 * (CONNECT_TIMEOUT_S + READ_TIMEOUT_S)
