"""Alarms, dashboard and saved queries use names that exist: the log schema's, the metrics', Lambda's."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from replay.template import PSEUDO_PARAMETERS, Template
from stream_processor.settings import Settings
from tests.template.modes import MODES, PATH, ROOT, TOPIC_ARN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NAMESPACE = "InboxStreamProcessor"
STACK = str(PSEUDO_PARAMETERS["AWS::StackName"])

LAMBDA_METRICS = {
    "FunctionName": {
        "DestinationDeliveryFailures",
        "Duration",
        "Errors",
        "Invocations",
        "IteratorAge",
        "Throttles",
    },
    "EventSourceMappingUUID": {
        "DroppedEventCount",
        "FailedInvokeEventCount",
        "FilteredOutEventCount",
        "InvokedEventCount",
        "OnFailureDestinationDeliveredEventCount",
        "PolledEventCount",
    },
}
"""By the dimension that carries them (Lambda developer guide, monitoring-metrics-types)."""

ALARMED = {
    "DestinationDeliveryFailures",
    "DroppedEventCount",
    "Duration",
    "Errors",
    "IteratorAge",
    "OnFailureDestinationDeliveredEventCount",
    "Orphans",
    "Quarantined",
    "Throttles",
}

Metric = tuple[str, str, str, str]
"""Namespace, name, the dimension's name and its value."""


def alarms(template: Template) -> dict[str, Mapping[str, Any]]:
    return {name: alarm.properties for name, alarm in template.resources("AWS::CloudWatch::Alarm").items()}


def metrics_of(alarm: Mapping[str, Any]) -> Iterator[Metric]:
    single = [alarm] if "MetricName" in alarm else []
    for metric in [
        *single,
        *(entry["MetricStat"]["Metric"] for entry in alarm.get("Metrics", []) if "MetricStat" in entry),
    ]:
        (dimension,) = metric["Dimensions"]
        yield metric["Namespace"], metric["MetricName"], dimension["Name"], str(dimension["Value"])


def dashboard_metrics(template: Template) -> Iterator[Metric]:
    body = json.loads(template.all_resources["Dashboard"].properties["DashboardBody"])
    for widget in body["widgets"]:
        for namespace, name, dimension, value, *_ in widget["properties"].get("metrics", []):
            yield namespace, name, dimension, value


def check_known(metric: Metric, log_schema: Mapping[str, Any]) -> None:
    namespace, name, dimension, value = metric
    if namespace == NAMESPACE:
        ours = log_schema["metrics"]
        assert namespace == ours["namespace"]
        assert name in ours["units"]
        assert {dimension} == set(ours["dimensions"])
        assert value == STACK, "as the function's own, else another stack's count"
    else:
        assert namespace == "AWS/Lambda"
        assert name in LAMBDA_METRICS[dimension]
        assert (
            value
            == {"FunctionName": "${StreamProcessor}", "EventSourceMappingUUID": "${StreamProcessorMessages}"}[dimension]
        )


def test_alarms_are_on_what_matters(made: Template) -> None:
    assert {name for alarm in alarms(made).values() for _, name, _, _ in metrics_of(alarm)} == ALARMED


def test_alarms_use_metrics_that_exist(made: Template, log_schema: dict[str, Any]) -> None:
    for alarm in alarms(made).values():
        for metric in metrics_of(alarm):
            check_known(metric, log_schema)


def test_dashboard_uses_metrics_that_exist(made: Template, log_schema: dict[str, Any]) -> None:
    shown = list(dashboard_metrics(made))
    assert shown
    for metric in shown:
        check_known(metric, log_schema)


def test_dashboard_shows_every_metric_of_the_function_but_the_plain_counts(
    made: Template, log_schema: dict[str, Any]
) -> None:
    shown = {name for namespace, name, _, _ in dashboard_metrics(made) if namespace == NAMESPACE}
    assert set(log_schema["metrics"]["units"]) - shown == {"Received", "Ignored"}


def test_dashboard_shows_every_alarm(made: Template) -> None:
    body = json.loads(made.all_resources["Dashboard"].properties["DashboardBody"])
    (listed,) = [widget["properties"]["alarms"] for widget in body["widgets"] if widget["type"] == "alarm"]
    assert {entry.removeprefix("${").removesuffix(".Arn}") for entry in listed} == alarms(made).keys()


def test_missing_values_raise_no_alarm(in_every_mode: Template) -> None:
    for alarm in alarms(in_every_mode).values():
        assert alarm["TreatMissingData"] == "notBreaching"


def test_alarms_tell_the_topic_and_only_where_one_is_given(made: Template) -> None:
    for alarm in alarms(Template.load(PATH, MODES["told"])).values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [TOPIC_ARN]
    for alarm in alarms(made).values():
        assert "AlarmActions" not in alarm
        assert "OKActions" not in alarm


def test_duration_is_measured_against_the_functions_timeout() -> None:
    template = Template.load(PATH, {"FunctionTimeoutSeconds": "120"})
    percent, duration = alarms(template)["DurationAlarm"]["Metrics"]
    # 90 s of 120 s are 75 %.
    assert percent["Expression"] == f"0.1 * {duration['Id']} / 120"
    assert 0.1 * 90_000 / template.all_resources["StreamProcessor"].properties["Timeout"] == pytest.approx(75)


def test_function_names_its_metrics_as_the_alarms_do(made: Template) -> None:
    variables = made.all_resources["StreamProcessor"].properties["Environment"]["Variables"]
    assert Settings.from_env({**variables, "TABLE_NAME": "t", "MAX_FUTURE_S": "", "WORKERS": ""}).service == STACK


def test_metrics_pass_the_log_level(made: Template) -> None:
    # Embedded metrics are lines without a level, and such lines count as INFO.
    logging = made.all_resources["StreamProcessor"].properties["LoggingConfig"]
    assert (logging["LogFormat"], logging["ApplicationLogLevel"]) == ("JSON", "INFO")
    assert logging["LogGroup"].name == "StreamProcessorLogs"


# --- saved queries ----------------------------------------------------------------------------------------------------

WORDS_OF_THE_LANGUAGE = {
    "and", "as", "asc", "avg", "bin", "by", "count", "count_distinct", "desc", "fields", "filter", "like", "limit",
    "max", "min", "not", "or", "pct", "sort", "source", "stats", "sum",
}  # fmt: skip
SYSTEM_FIELDS = {"@timestamp"}


def fields_used(query: str) -> set[str]:
    """Give the fields of a Logs Insights query: its words without literals, aliases and the language's own."""
    text = re.sub(r'"[^"]*"|\'[^\']*\'', " ", query)
    aliases = set(re.findall(r"\bas\s+(\w+)", text))
    words = set(re.findall(r"@?\b[A-Za-z_]\w*", text)) - aliases
    return {word for word in words if word.lower() not in WORDS_OF_THE_LANGUAGE}


def lines_asked_for(query: str) -> set[str]:
    return set(re.findall(r'message = "([^"]*)"', query))


def queries(template: Template) -> dict[str, str]:
    saved = {
        query.properties["Name"]: query.properties["QueryString"]
        for query in template.resources("AWS::Logs::QueryDefinition").values()
    }
    body = json.loads(template.all_resources["Dashboard"].properties["DashboardBody"])
    shown = {
        widget["properties"]["title"]: widget["properties"]["query"]
        for widget in body["widgets"]
        if widget["type"] == "log"
    }
    return saved | shown


def test_queries_are_the_five_and_the_dashboards(made: Template) -> None:
    assert set(queries(made)) == {
        "stack/outcome over time",
        "stack/one group's story",
        "stack/slowest batches",
        "stack/failures by code",
        "stack/cold starts",
        "Failures by code",
    }


def test_queries_use_fields_of_the_log_schema(made: Template, log_schema: dict[str, Any]) -> None:
    lines = log_schema["lines"]
    for name, query in queries(made).items():
        asked = lines_asked_for(query) or set(lines)
        assert asked <= set(lines), name
        known = {key for line in asked for key in lines[line]["keys"]} | set(log_schema["logger_keys"]) | SYSTEM_FIELDS
        assert fields_used(query) <= known, name


def test_queries_read_the_functions_log_group(made: Template) -> None:
    for query in made.resources("AWS::Logs::QueryDefinition").values():
        assert [group.name for group in query.properties["LogGroupNames"]] == ["StreamProcessorLogs"]


def test_fields_are_found_in_a_query() -> None:
    query = (
        'fields @timestamp, a | filter b = "c" and d > 1 | stats sum(e) as f, 100 * max(g) by bin(5m), h | sort f desc'
    )
    assert fields_used(query) == {"@timestamp", "a", "b", "d", "e", "g", "h"}


def test_alarm_descriptions_lead_to_a_heading(made: Template) -> None:
    page = (ROOT / "docs/operate.md").read_text(encoding="utf-8")
    headings = {line.lstrip("# ").lower() for line in page.splitlines() if line.startswith("### ")}
    for name, alarm in alarms(made).items():
        (heading,) = re.findall(r"\(docs/operate\.md, ([a-z ]+)\)", alarm["AlarmDescription"])
        assert heading in headings, name
