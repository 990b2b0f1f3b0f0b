"""The pytest plugin: three lines explore a handler, a failure tells the story and how to see it again."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from replay.pytest_plugin import OPTIONS, setting

pytest_plugins = ["pytester"]

USUAL = Path(__file__).parents[1] / "handlers" / "usual.py"
OURS = """
def test_ours(explore):
    assert explore(schedules=3).cases == 3
"""


def run(pytester: pytest.Pytester, test: str, *arguments: str) -> pytest.RunResult:
    if test:
        pytester.makepyfile(test_stream=test)
    return pytester.runpytest_inprocess("-p", "replay.pytest_plugin", "-p", "no:cacheprovider", *arguments)


def usual(**more: str) -> str:
    """A test of the usual function, which takes the first record of a batch only."""
    words = {"only": "['batches']", "ignore": "['a member always has a row']", **more}
    given = ", ".join(f"{name}={value}" for name, value in words.items())
    return f"def test_usual(explore):\n    explore('{USUAL}:lambda_handler', {given})\n"


def test_a_right_handler_passes_and_the_summary_says_how_much_was_explored(pytester: pytest.Pytester) -> None:
    ran = run(pytester, OURS)
    ran.assert_outcomes(passed=1)
    ran.stdout.re_match_lines(
        [r"=+ explored =+", r"test_stream.py::test_ours: 3 cases, [\d,]+ calls.* situations? reached"]
    )
    assert not (pytester.path / "explored").exists()


@pytest.mark.parametrize("ci", ["", "true"], ids=["here", "ci"])
@pytest.mark.engine
def test_a_wrong_handler_fails_with_its_story_and_what_it_prints_shows_it_again(
    pytester: pytest.Pytester, engine_endpoint: str, monkeypatch: pytest.MonkeyPatch, ci: str
) -> None:
    monkeypatch.setenv("CI", ci)
    ran = run(pytester, usual(), "--explore-endpoint", engine_endpoint)
    ran.assert_outcomes(failed=1)
    told = ran.stdout.str()
    ran.stdout.re_match_lines(
        [r"FAILED test_stream.py::test_usual - Failed: wrong: a row stays behind$", r"=+ 1 failed.*"]
    )
    assert told.count("why that is wrong") == 1
    assert re.search(r"invocation 1 \(batch, lane 0 of \S+\) gets \d+ \d+", told)
    assert "Traceback" not in told
    case = pytester.path / "explored" / "test_stream.py-test_usual.json"
    assert len(json.loads(case.read_text(encoding="utf-8"))["records"]) == 2
    assert b"<title>wrong: a row stays behind</title>" in case.with_suffix(".html").read_bytes()
    (line,) = re.findall(r"^python -m pytest (.+)$", told, re.MULTILINE)
    again = run(pytester, "", *shlex.split(line), "--explore-endpoint", engine_endpoint)
    again.assert_outcomes(failed=1)
    assert "seed 0, shrunk (2 records" in again.stdout.str()
    (test,) = re.findall(r"^def test_the_case_is_right\(explore\):\n    .+$", told, re.MULTILINE)
    kept = run(pytester, test, "--explore-endpoint", engine_endpoint)
    kept.assert_outcomes(failed=1)
    assert "1 case," in kept.stdout.str()


@pytest.mark.engine
def test_a_handler_may_be_the_function_itself(pytester: pytest.Pytester, engine_endpoint: str) -> None:
    pytester.makepyfile(idle="def handler(event, context):\n    return None\n")
    test = "from idle import handler\ndef test_idle(explore):\n    explore(handler, only=['batches'])\n"
    pytester.makeini("[pytest]\npythonpath = .\n")
    ran = run(pytester, test, "--explore-endpoint", engine_endpoint)
    ran.assert_outcomes(failed=1)
    assert "handler: idle:handler" in ran.stdout.str()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("only=['bathces']", "explore: nothing called 'bathces' can happen in a case; did you mean 'batches'?"),
        ("ignore=['behin']", "explore: there is no rule 'behin' to ignore; did you mean 'behind'?"),
        ("'none.py:handler'", "explore: handler 'none.py:handler': there is no file none.py"),
        ("schedules=0", "explore: schedules=0: write a whole number of 1 or more"),
        ("schedules='5'", "explore: schedules='5': write a whole number of 1 or more"),
        ("time_s=float('nan')", "explore: time_s=nan: write a number of seconds above 0"),
        ("env=['A']", "explore: env=['A']: write the variables as a dictionary of texts, env={'NAME': 'value'}"),
        ("only='batches'", "explore: only='batches': write a list of names, only=['batches']"),
        ("reach=[1]", "explore: reach=[1]: write a list of names"),
        ("3", "explore: handler 3 is neither a function nor a name like 'app/stream.py:handler'"),
        ("engine='dynamo'", "explore: engine='dynamo': write 'memory' or 'dynamodb'"),
        ("case='none.json'", "explore: case none.json: there is no such file"),
        ("reach=['trottle']", "explore: reach=: there is no situation 'trottle'; did you mean 'throttle'?"),
        ("rows='a.jsonl'", "explore: rows= says what is there before; name what is delivered with records="),
    ],
)
def test_what_is_named_and_not_there_fails_in_one_line(pytester: pytest.Pytester, call: str, said: str) -> None:
    ran = run(pytester, f"def test_it(explore):\n    explore({call})\n")
    ran.assert_outcomes(failed=1)
    assert said in ran.stdout.str()
    assert "Error" not in ran.stdout.str()
    assert "exception" not in ran.stdout.str()


@pytest.mark.engine
def test_a_handler_that_cannot_be_loaded_fails_in_one_line(pytester: pytest.Pytester, engine_endpoint: str) -> None:
    pytester.makepyfile(stream="def handler(event, context): ...\n")
    ran = run(
        pytester,
        "def test_it(explore):\n    explore('stream.py:handle')\n",
        "--explore-endpoint",
        engine_endpoint,
    )
    ran.assert_outcomes(failed=1)
    ran.stdout.fnmatch_lines(
        ["explore: handler stream.py:handle: there is no function 'handle' in stream.py; did you*"]
    )
    assert "exception" not in ran.stdout.str()


@pytest.mark.parametrize("folder", ["taken", "taken/below"])
def test_a_folder_that_cannot_be_written_to_is_refused_before_the_work(pytester: pytest.Pytester, folder: str) -> None:
    taken = pytester.path / "taken"
    taken.touch()
    ran = run(pytester, OURS, "--explore-folder", folder)
    ran.assert_outcomes(failed=1)
    ran.stdout.fnmatch_lines([f"explore: folder {pytester.path / folder} for broken cases: {taken} is a file; name*"])
    assert "Error" not in ran.stdout.str()


def test_a_file_that_cannot_be_written_keeps_no_story_away(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(rules="def finally_never(rows, records):\n    return 'never'\n")
    (pytester.path / "explored" / "test_stream.py-test_never.json").mkdir(parents=True)
    ran = run(pytester, "def test_never(explore):\n    explore(schedules=1, invariants='rules.py')\n")
    ran.assert_outcomes(failed=1)
    ran.stdout.fnmatch_lines(
        [
            "wrong: finally_never*",
            "python -m replay explore --invariants rules.py --seed 0 --schedules 1",
            "neither kept nor made a page: explored/test_stream.py-test_never.json: Is a directory",
        ]
    )


@pytest.mark.parametrize(
    ("line", "given", "ini", "taken"),
    [(["--explore-seed=1"], 2, "3", 1), ([], 2, "3", 2), ([], 0, "3", 0), ([], None, "3", 3), ([], None, "", 0)],
)
def test_the_command_line_wins_then_the_test_then_the_ini_file(
    pytester: pytest.Pytester, line: list[str], given: int | None, ini: str, taken: int
) -> None:
    pytester.makeini(f"[pytest]\nexplore_seed = {ini}\n")
    config = pytester.parseconfig("-p", "replay.pytest_plugin", *line)
    assert setting(config, "seed", given) == taken


def test_a_setting_that_is_no_number_is_refused(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nexplore_time = soon\n")
    config = pytester.parseconfig("-p", "replay.pytest_plugin")
    with pytest.raises(pytest.UsageError, match="explore_time = soon"):
        setting(config, "time")


def test_every_setting_is_in_the_help(pytester: pytest.Pytester) -> None:
    told = run(pytester, "", "--help").stdout.str()
    for option in OPTIONS.values():
        assert f"--explore-{option.name}" in told
        assert (f"explore_{option.name} " in told) != option.is_momentary
