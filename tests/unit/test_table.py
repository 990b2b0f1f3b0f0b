"""What a table's requests look like on the wire, and what each answer of DynamoDB becomes."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    NoCredentialsError,
    ReadTimeoutError,
)

from stream_processor.errors import ConditionFailed, RefusedError, StreamProcessorError, TransientError
from stream_processor.handler import _client_config
from stream_processor.row import item_bytes
from stream_processor.settings import CONNECT_TIMEOUT_S, READ_TIMEOUT_S
from stream_processor.table import (
    TRANSIENT_CODES,
    DynamoGroupTable,
    Page,
    Read,
    ReadIndex,
    ReadMember,
    ReadSenders,
)
from stream_processor.transaction import (
    CONDITIONS_MAX,
    EXPRESSION_BYTES_MAX,
    Check,
    Delete,
    Key,
    NoRow,
    Put,
    Transaction,
    Unchanged,
    unchanged,
)
from tests.builders import ANN, BOB, GROUP, group_item, time_text
from tests.wire import Answer, Answered, Wire, cancelled, failed, scripted

URL = "https://dynamodb.eu-west-1.amazonaws.com"
KEY = Key(ANN, time_text(0))
NEW = Key(ANN, time_text(1))
DELETE = Delete(KEY, Unchanged((("message", {"S": "x"}),), ("unread",)), 10)
PUT = Put(NEW, group_item(at=1), NoRow(), 10)
DONE = Answered({})


def table(wire: Wire) -> DynamoGroupTable:
    return DynamoGroupTable(wire.client(_client_config(1)), "messages", "message-group-sk-index")


def asked(request: Read) -> dict[str, Any]:
    """The one query that a reading becomes."""
    wire = scripted(Answered({"Items": [], "Count": 0}))
    table(wire).read(request)
    ((operation, body),) = wire.requests
    assert operation == "Query"
    return body


def written(*actions: Delete | Put | Check) -> list[dict[str, Any]]:
    """The one transaction that actions become."""
    wire = scripted(DONE)
    table(wire).transact(actions)
    ((operation, body),) = wire.requests
    assert operation == "TransactWriteItems"
    items: list[dict[str, Any]] = body["TransactItems"]
    return items


# Requests.


def test_the_index_is_asked_for_the_group_and_nothing_else() -> None:
    assert asked(ReadIndex(GROUP)) == {
        "TableName": "messages",
        "IndexName": "message-group-sk-index",
        "KeyConditionExpression": "message_group_uuid = :group",
        "ExpressionAttributeValues": {":group": {"S": GROUP}},
    }


def test_a_member_is_read_consistently_from_the_base_table_and_filtered_by_group() -> None:
    assert asked(ReadMember(ANN, GROUP)) == {
        "TableName": "messages",
        "ConsistentRead": True,
        "KeyConditionExpression": "pk = :member",
        "FilterExpression": "message_group_uuid = :group",
        "ExpressionAttributeValues": {":member": {"S": "GRP#ann"}, ":group": {"S": GROUP}},
    }


def test_senders_are_read_consistently_newest_first_and_without_their_texts() -> None:
    assert asked(ReadSenders(GROUP)) == {
        "TableName": "messages",
        "ConsistentRead": True,
        "ScanIndexForward": False,
        "Limit": 20,
        "KeyConditionExpression": "pk = :messages",
        "ProjectionExpression": "user_uuid",
        "ExpressionAttributeValues": {":messages": {"S": f"MSG#{GROUP}"}},
    }


@pytest.mark.parametrize(
    "request_", [ReadIndex(GROUP, KEY.item), ReadMember(ANN, GROUP, KEY.item), ReadSenders(GROUP, 7, KEY.item)]
)
def test_the_next_page_begins_where_the_last_one_ended(request_: Read) -> None:
    assert asked(request_)["ExclusiveStartKey"] == KEY.item


def test_a_page_holds_the_answers_items_and_where_it_goes_on() -> None:
    items = [group_item(ANN), group_item(BOB)]
    wire = scripted(Answered({"Items": items, "LastEvaluatedKey": KEY.item}), Answered({"Items": []}))
    assert table(wire).read(ReadIndex(GROUP)) == Page(tuple(items), KEY.item)
    assert table(wire).read(ReadIndex(GROUP)) == Page((), None)


def test_a_delete_states_what_was_read_and_asks_to_be_shown_what_is_there() -> None:
    assert written(DELETE) == [
        {
            "Delete": {
                "TableName": "messages",
                "Key": {"pk": {"S": "GRP#ann"}, "sk": {"S": time_text(0)}},
                "ConditionExpression": "#0 = :0 AND attribute_not_exists(#1)",
                "ExpressionAttributeNames": {"#0": "message", "#1": "unread"},
                "ExpressionAttributeValues": {":0": {"S": "x"}},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }
    ]


def test_a_put_of_a_new_key_states_that_no_row_is_there() -> None:
    assert written(PUT) == [
        {
            "Put": {
                "TableName": "messages",
                "Item": group_item(at=1),
                "ConditionExpression": "attribute_not_exists(pk)",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }
    ]


def test_a_put_in_place_states_what_was_read() -> None:
    (action,) = written(Put(KEY, group_item(), Unchanged((("a", {"N": "1"}), ("b", {"BOOL": True})), ()), 1))
    assert action["Put"]["ConditionExpression"] == "#0 = :0 AND #1 = :1"
    assert action["Put"]["ExpressionAttributeNames"] == {"#0": "a", "#1": "b"}
    assert action["Put"]["ExpressionAttributeValues"] == {":0": {"N": "1"}, ":1": {"BOOL": True}}
    assert "Key" not in action["Put"]


def test_a_check_writes_nothing() -> None:
    (action,) = written(Check(KEY, Unchanged((("a", {"N": "1"}),), ()), 1))
    assert action == {
        "ConditionCheck": {
            "TableName": "messages",
            "Key": KEY.item,
            "ConditionExpression": "#0 = :0",
            "ExpressionAttributeNames": {"#0": "a"},
            "ExpressionAttributeValues": {":0": {"N": "1"}},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


def test_actions_stay_in_order() -> None:
    assert [next(iter(item)) for item in written(DELETE, PUT, Check(Key(BOB, "1"), DELETE.condition, 1))] == [
        "Delete",
        "Put",
        "ConditionCheck",
    ]


@pytest.mark.parametrize(("own", "others"), [(200, 0), (100, 100), (5, 200), (120, 20)])
def test_the_longest_condition_keeps_dynamodbs_limits_on_the_wire(own: int, others: int) -> None:
    item = group_item() | {f"x{number}": {"S": ""} for number in range(own)}
    condition = unchanged(item, {f"y{number}" for number in range(others)})
    (action,) = written(Delete(KEY, condition, 1))
    expression = action["Delete"]["ConditionExpression"]
    names, values = action["Delete"]["ExpressionAttributeNames"], action["Delete"]["ExpressionAttributeValues"]
    assert len(expression) <= EXPRESSION_BYTES_MAX
    assert len(names) <= CONDITIONS_MAX
    assert expression.count(" = ") + expression.count("attribute_not_exists") + expression.count(" AND ") <= 300
    assert {names[name]: values[name.replace("#", ":")] for name in names if name.replace("#", ":") in values} == dict(
        condition.equal
    )
    assert sum(map(len, names.values())) + sum(map(len, values)) + item_bytes(values) < 2 * 1024 * 1024


def test_values_of_every_type_go_as_they_were_read() -> None:
    item: dict[str, Any] = {"n": {"N": "1.50"}, "b": {"B": b"\x00\xff"}, "m": {"M": {"l": {"L": [{"NULL": True}]}}}}
    (action,) = written(Put(KEY, group_item() | item, unchanged(group_item() | item, ()), 1))
    assert action["Put"]["Item"]["n"] == {"N": "1.50"}
    assert action["Put"]["Item"]["b"] == {"B": "AP8="}
    assert {"B": "AP8="} in action["Put"]["ExpressionAttributeValues"].values()
    assert {"M": {"l": {"L": [{"NULL": True}]}}} in action["Put"]["ExpressionAttributeValues"].values()


# Answers that are errors.


def outcome(answer: Answer, actions: Transaction | None = (DELETE, PUT)) -> StreamProcessorError:
    """What an answer to a transaction becomes, or to a reading; the client tried once."""
    wire = scripted(answer)
    of_dynamodb = table(wire)
    with pytest.raises(StreamProcessorError) as caught:
        of_dynamodb.read(ReadIndex(GROUP)) if actions is None else of_dynamodb.transact(actions)
    assert len(wire.requests) == 1, "the client must not try again by itself"
    assert "PRIVATE" not in str(caught.value)
    assert isinstance(caught.value, ConditionFailed) or caught.value.__cause__ is not None
    return caught.value


@pytest.mark.parametrize("code", sorted(TRANSIENT_CODES))
@pytest.mark.parametrize("actions", [None, (DELETE, PUT)], ids=["read", "transact"])
def test_what_may_pass_is_transient(code: str, actions: Transaction | None) -> None:
    error = outcome(failed(code), actions)
    assert type(error) is TransientError
    assert error.code == code


@pytest.mark.parametrize(
    "code",
    [
        "AccessDeniedException",
        "ResourceNotFoundException",
        "ValidationException",
        "UnrecognizedClientException",
        "ExpiredTokenException",
        "IdempotentParameterMismatchException",
        "ItemCollectionSizeLimitExceededException",
        "SomethingNewException",
    ],
)
@pytest.mark.parametrize("actions", [None, (DELETE, PUT)], ids=["read", "transact"])
def test_everything_else_is_refused_with_its_code(code: str, actions: Transaction | None) -> None:
    error = outcome(failed(code), actions)
    assert type(error) is RefusedError
    assert error.code == code


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
def test_a_servers_fault_is_transient_whatever_it_is_called(status: int) -> None:
    assert type(outcome(failed("SomethingNewException", status))) is TransientError
    assert type(outcome(Answered("<html>Bad gateway</html>", status), None)) is TransientError


def test_throttling_that_names_its_reason_is_transient() -> None:
    reasons = [
        {"reason": "TableWriteKeyRangeThroughputExceeded", "resource": "arn:aws:dynamodb:eu-west-1:1:table/messages"}
    ]
    assert type(outcome(failed("ProvisionedThroughputExceededException", ThrottlingReasons=reasons))) is TransientError


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url=URL),
        ConnectTimeoutError(endpoint_url=URL),
        EndpointConnectionError(endpoint_url=URL),
        ConnectionClosedError(endpoint_url=URL),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("actions", [None, (DELETE, PUT)], ids=["read", "transact"])
def test_an_answer_that_does_not_come_is_transient(error: Exception, actions: Transaction | None) -> None:
    found = outcome(error, actions)
    assert type(found) is TransientError
    assert found.code == type(error).__name__


def test_a_request_that_cannot_be_sent_is_refused() -> None:
    found = outcome(NoCredentialsError(), None)
    assert type(found) is RefusedError
    assert found.code == "NoCredentialsError"


def test_an_answer_that_is_cut_off_is_transient() -> None:
    assert type(outcome(IncompleteReadError(actual_bytes=1, expected_bytes=2), None)) is TransientError


# Cancelled transactions.


def test_a_failed_condition_shows_the_row_as_it_is() -> None:
    found = outcome(cancelled({"Code": "ConditionalCheckFailed", "Message": "m", "Item": group_item(BOB)}, "None"))
    assert isinstance(found, ConditionFailed)
    assert found.items == (group_item(BOB), None)


def test_a_failed_condition_without_a_row_shows_an_empty_one() -> None:
    found = outcome(cancelled("None", "ConditionalCheckFailed"))
    assert isinstance(found, ConditionFailed)
    assert found.items == (None, {})


@pytest.mark.parametrize(
    "other",
    ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded", "ValidationError", "SomethingNew"],
)
def test_a_failed_condition_is_what_counts_beside_anything_else(other: str) -> None:
    for reasons in ((other, "ConditionalCheckFailed"), ("ConditionalCheckFailed", other)):
        found = outcome(cancelled(*reasons))
        assert isinstance(found, ConditionFailed)
        assert [item is None for item in found.items] == [reason == other for reason in reasons]


@pytest.mark.parametrize(
    ("reasons", "code"),
    [
        (["TransactionConflict", "None"], "TransactionConflict"),
        (["None", "TransactionConflict"], "TransactionConflict"),
        (["ThrottlingError", "None"], "ThrottlingError"),
        (["None", "ProvisionedThroughputExceeded"], "ProvisionedThroughputExceeded"),
        (["TransactionConflict", "ThrottlingError"], "TransactionConflict"),
    ],
)
def test_conflicts_and_throttles_are_transient(reasons: list[str], code: str) -> None:
    found = outcome(cancelled(*reasons))
    assert type(found) is TransientError
    assert found.code == code


@pytest.mark.parametrize(
    ("reasons", "code"),
    [
        (["ValidationError", "None"], "ValidationError"),
        (["None", "ItemCollectionSizeLimitExceeded"], "ItemCollectionSizeLimitExceeded"),
        (["TransactionConflict", "ValidationError"], "ValidationError"),
        (["SomethingNew", "None"], "SomethingNew"),
        (["None", "None"], "TransactionCanceledException"),
        ([], "TransactionCanceledException"),
    ],
)
def test_any_other_reason_is_refused(reasons: list[str], code: str) -> None:
    found = outcome(cancelled(*reasons))
    assert type(found) is RefusedError
    assert found.code == code


def test_a_cancellation_without_reasons_is_refused() -> None:
    found = outcome(failed("TransactionCanceledException"))
    assert type(found) is RefusedError
    assert found.code == "TransactionCanceledException"


# The client.


def test_the_client_tries_once_and_waits_no_longer_than_the_settings_say() -> None:
    config: Any = table(scripted())._client.meta.config
    assert config.retries["total_max_attempts"] == 1
    assert (config.connect_timeout, config.read_timeout) == (CONNECT_TIMEOUT_S, READ_TIMEOUT_S)


def test_a_connection_is_there_for_every_worker() -> None:
    config: Any = _client_config(8)
    assert config.max_pool_connections == 8
