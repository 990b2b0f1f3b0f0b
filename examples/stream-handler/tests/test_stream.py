"""The handler under hostile but lawful deliveries, as far as it promises to survive them."""


def test_batches_crashes_and_redelivery_leave_the_inbox_right(explore):
    explore("app.stream:handler", only=["batches", "redelivery", "faults"])
