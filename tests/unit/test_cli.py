"""The command line as a whole: what holds for every command."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from replay.cli import main
from replay.commands.engine import _variables
from replay.commands.explore_options import DEFAULTS, asked_of

EVENTS = Path(__file__).parents[2] / "fixtures" / "faults" / "H2" / "events.jsonl"


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["mapping", "show"], ["simulate", "fixtures/conformance/T-D5.json", "--json"]],
    ids=lambda arguments: arguments[0],
)
def test_a_reader_that_has_ended_is_no_verdict(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "replay", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait() == 2
        assert process.stderr is not None
        assert process.stderr.read() == "replay: stopped: what reads the output has ended\n"


def test_a_standard_output_that_is_closed_is_refused_before_the_work() -> None:
    command = ["sh", "-c", '"$0" -m replay mapping show >&-', sys.executable]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "replay: standard output is closed; send it to a file, or to /dev/null\n"


def test_a_reason_of_several_lines_is_told_in_one(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    handler = tmp_path / "boom.py"
    handler.write_text("raise ValueError('boom\\nsecond \\x1b[31mline')\n")
    assert main(["run", str(EVENTS), "--table", "none", "--handler", f"{handler}:handler"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert (
        line
        == rf"replay: handler {handler}:handler: its import raised ValueError: boom second \x1b[31mline ({handler}:1)"
    )


@pytest.mark.parametrize("option", ["--handler", "--against"])
@pytest.mark.parametrize("command", ["run", "explore"])
def test_an_empty_handler_is_refused(capsys: pytest.CaptureFixture[str], command: str, option: str) -> None:
    assert main([command, option, ""]) == 2
    assert capsys.readouterr().err.startswith("replay: handler '' names no function; write MODULE:FUNCTION")


@pytest.mark.parametrize(
    "arguments",
    [["explore", "--schedules", "2", "--json"], ["explore", "--schedules", "2"], ["mapping", "show"], ["--help"]],
    ids=" ".join,
)
def test_an_output_without_room_is_one_line(arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "replay", *arguments]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "replay: the output cannot be written: No space left on device\n"


@pytest.mark.parametrize("option", ["--html", "--junit", "--save"])
def test_a_file_without_room_is_one_line_and_keeps_nothing_else_away(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, option: str
) -> None:
    others = {name: tmp_path / f"told{name}" for name in ("--html", "--junit", "--save")} | {option: Path("/dev/full")}
    words = [str(word) for pair in others.items() for word in pair]
    rules = tmp_path / "rules.py"
    rules.write_text("def finally_never(rows, records):\n    return 'never'\n")
    broken = ["--schedules", "1", "--jobs", "1", "--invariants", str(rules)]
    assert main(["explore", *broken, *words]) == 2
    out, err = capsys.readouterr()
    assert out.startswith("wrong: ")
    assert f"replay: {option} /dev/full cannot be written: No space left on device; name another file\n" == err
    assert all(file.stat().st_size for name, file in others.items() if name != option)


def test_a_file_that_is_read_is_not_written_over(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    recording = tmp_path / "events.jsonl"
    recording.write_bytes(EVENTS.read_bytes())
    link = tmp_path / "link.jsonl"
    link.symlink_to(recording)
    for arguments in (
        ["redact", recording, "--out", recording],
        ["redact", recording, "--out", link],
        ["redact", recording, "--out", tmp_path / "." / ".." / tmp_path.name / "events.jsonl"],
        ["run", recording, "--log", link],
        ["explore", "--records", recording, "--html", link],
        ["explore", "--records", recording, "--save", recording],
    ):
        assert main([str(word) for word in arguments]) == 2
        assert "would be lost; name another file" in capsys.readouterr().err
    assert recording.read_bytes() == EVENTS.read_bytes()
    assert main(["redact", str(recording), "--out", str(tmp_path / "other.jsonl")]) == 0


@pytest.mark.parametrize("handler", ["app/work.py:handler", "app.work:handler", "app.work.handler"])
@pytest.mark.parametrize(
    "words",
    [
        "run --handler HANDLER --log OUT",
        "run --against HANDLER --log OUT",
        "explore --handler HANDLER --html OUT",
        "explore --handler HANDLER --junit OUT",
        "explore --handler HANDLER --save OUT",
        "explore --against HANDLER --save OUT",
    ],
)
def test_a_handlers_source_is_not_written_over(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, handler: str
) -> None:
    source = tmp_path / "app" / "work.py"
    source.parent.mkdir()
    source.write_text("def handler(event, context):\n    return None\n")
    monkeypatch.chdir(tmp_path)
    assert main(words.replace("HANDLER", handler).replace("OUT", str(source)).split()) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("which would be lost; name another file")
    assert source.read_text().startswith("def handler")


@pytest.mark.parametrize("pair", [("--html", "--junit"), ("--save", "--junit"), ("--save", "--html")], ids=" ".join)
@pytest.mark.parametrize("exists", [False, True], ids=["new", "there"])
def test_two_outputs_do_not_share_a_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, pair: tuple[str, str], *, exists: bool
) -> None:
    out, link = tmp_path / "report", tmp_path / "link"
    if exists:
        out.touch()
        os.link(out, link)
    else:
        link.symlink_to(out)
    assert main(["explore", "--schedules", "1", pair[0], str(out), pair[1], str(link)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("are one file, and one would be lost; name two")


def test_an_endpoint_where_nobody_listens_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", "--endpoint-url", "http://127.0.0.1:1", "--schedules", "1"]) == 2
    announced, line = capsys.readouterr().err.splitlines()
    assert announced.startswith("replay: table explore-")
    assert line.startswith("replay: http://127.0.0.1:1 cannot be used: Could not connect to the endpoint URL")


@pytest.mark.parametrize("option", [["run", "--function-timeout"], ["explore", "--time"]], ids=" ".join)
@pytest.mark.parametrize("value", ["nan", "inf", "0", "-1", "soon"])
def test_what_is_no_time_is_refused(capsys: pytest.CaptureFixture[str], option: list[str], value: str) -> None:
    assert main([*option, value]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"replay: Invalid value for '{option[1]}': ")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--env", "A=b"], "--env is of the environment of another handler; name that with --handler"),
        (["--engine", "memory", "--endpoint-url", "http://127.0.0.1:1"], "--engine memory uses no endpoint; leave out"),
    ],
)
def test_options_that_would_do_nothing_are_refused(
    capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert main(["explore", *options]) == 2
    assert capsys.readouterr().err.startswith(f"replay: {said}")


@pytest.mark.parametrize("group", ["engine", "mapping"])
def test_the_line_of_each_subcommand_is_whole(capsys: pytest.CaptureFixture[str], group: str) -> None:
    assert main([group, "--help"]) == 0
    assert "..." not in capsys.readouterr().out.partition("Commands:")[2]


@pytest.mark.parametrize("command", ["explore", "engine start", "engine stop"])
def test_values_have_names_of_their_own(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert main([*command.split(), "--help"]) == 0
    assert not re.search("INTEGER|FLOAT|RANGE|PATH|TEXT", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("own", "exported"),
    [
        ({}, {"AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}),
        ({"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "mine"}, set()),
        ({"AWS_PROFILE": "mine"}, set()),
        ({"AWS_SHARED_CREDENTIALS_FILE": "there"}, {"AWS_DEFAULT_REGION"}),
        ({"AWS_CONFIG_FILE": "there"}, set()),
    ],
    ids=["nothing", "variables", "profile", "credentials file", "configuration, a sign-on perhaps"],
)
def test_a_shells_own_region_and_credentials_stay(tmp_path: Path, own: dict[str, str], exported: set[str]) -> None:
    (tmp_path / "there").touch()
    files = {"AWS_SHARED_CREDENTIALS_FILE": "none", "AWS_CONFIG_FILE": "none"} | own
    environ = {
        name: str(tmp_path / value) if name in files and "FILE" in name else value for name, value in files.items()
    }
    found = _variables("http://127.0.0.1:1", environ)
    assert {name for name in found if "ENDPOINT" not in name} == exported


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "inbox-replay 0.1.0 (a clone)\n"


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "it is empty"), (b"\xff\xfe", "it is no UTF-8 text (byte 1)"), (b"{]", "it is no JSON (line 1, column 2)")],
)
def test_why_a_file_cannot_be_read_is_said_in_words(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes, why: str
) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(content)
    assert main(["run", "--filter", str(file)]) == 2
    assert capsys.readouterr().err.startswith(f"replay: filter {file}: {why}; give 'template'")
    assert main(["mapping", "show", str(file)]) == 2
    assert capsys.readouterr().err == f"replay: {file} cannot be read: {why}\n"
    assert main(["mapping", "show", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"replay: {tmp_path}: the template cannot be read: it is a folder\n"


def test_every_name_that_explore_takes_is_listed_and_taken(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", "--list"]) == 0
    blocks = re.findall(r"^(--[a-z]+), .+:\n((?:  .+\n)+)", capsys.readouterr().out, re.MULTILINE)
    titles = {option: re.findall("  (.+)\n", names) for option, names in blocks}
    assert titles.keys() == {"--only", "--ignore", "--reach"}
    asked_of({**DEFAULTS, **{option.removeprefix("--"): tuple(names) for option, names in titles.items()}})


@pytest.mark.parametrize(
    ("called", "name"), [("/venv/bin/inbox-replay", "inbox-replay"), ("/clone/replay/__main__.py", "python -m replay")]
)
def test_the_command_is_told_by_the_name_it_was_called_by(tmp_path: Path, called: str, name: str) -> None:
    rules = tmp_path / "rules.py"
    rules.write_text("def finally_never(rows, records):\n    return 'never'\n")
    script = f"import sys; sys.argv[0] = {called!r}; from replay.cli import main; sys.exit(main())"

    def said(*words: str) -> str:
        done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    for words in (["explore"], ["engine", "start"]):
        told = said(*words, "--help")
        assert f"Usage: {name} {' '.join(words)}" in told
        assert f"{name} engine start --p" in told or f"{name} explore --exhaustive" in told
        assert name == "python -m replay" or "python -m replay" not in told
    assert said("explore", "--seed", "x").endswith(f"; see '{name} explore --help'\n")
    broken = said("explore", "--schedules", "1", "--jobs", "1", "--invariants", str(rules))
    assert f"again, on the command line\n{name} explore --invariants {rules} --seed 0 --schedules 1\n" in broken
