"""An outage is known from checks and from windows, and never from one person's text."""

from copconnect.auth_service.registration.gateway_health import (
    CHECK_PERIOD_MS,
    PEOPLE,
    REFUSED_TEXTS,
    WINDOW_MS,
    GatewayHealth,
)

NOW = 1_000 * WINDOW_MS


def alarm(health: GatewayHealth) -> str:
    """Return why operators are alarmed; nothing if they are not."""
    return health.alarm.reason if health.alarm is not None else ""


def test_two_checks_in_a_row_close_and_one_opens() -> None:
    health = GatewayHealth()
    health.check_failed("ConnectError", NOW)
    assert (health.closed_ms(NOW), alarm(health)) == (0, "")
    health.check_passed()
    health.check_failed("ConnectError", NOW)
    assert health.closed_ms(NOW) == 0  # Not in a row.
    health.check_failed("ConnectError", NOW + 1)
    assert health.closed_ms(NOW + 1) == CHECK_PERIOD_MS
    assert alarm(health) == "checks of the gateway fail: ConnectError"
    health.check_passed()
    assert (health.closed_ms(NOW + 2), alarm(health)) == (0, "")


def test_one_text_alarms_operators_and_changes_no_answer() -> None:
    health = GatewayHealth()
    health.text_failed("a", "status 500", NOW)
    assert alarm(health) == "texts cannot be handed over: status 500"
    for later in range(0, 3 * WINDOW_MS, WINDOW_MS // 10):
        assert health.closed_ms(NOW + later) == 0
    health.text_taken(NOW + 1)
    assert alarm(health) == ""


def test_a_window_in_which_nobody_was_reached_closes_the_next_and_no_more() -> None:
    health = GatewayHealth()
    for person in range(PEOPLE):
        health.text_failed(str(person), "status 402", NOW + person)
    # The texts of a window change nothing that is seen until the window ends.
    assert health.closed_ms(NOW + WINDOW_MS - 1) == 0
    assert health.closed_ms(NOW + WINDOW_MS) == WINDOW_MS
    assert health.closed_ms(NOW + WINDOW_MS + 1_000) == WINDOW_MS - 1_000
    # Texts of before that are given up now are no evidence for the window after.
    for person in range(PEOPLE):
        health.text_failed(str(person), "status 402", NOW + WINDOW_MS + 2_000)
    assert health.closed_ms(NOW + 2 * WINDOW_MS) == 0
    assert alarm(health)  # Until a text is taken.


def test_what_does_not_close_the_next_window() -> None:
    one_person = GatewayHealth()
    for _ in range(10 * PEOPLE):
        one_person.text_failed("the same", "status 500", NOW)
    somebody_reached = GatewayHealth()
    for person in range(PEOPLE):
        somebody_reached.text_failed(str(person), "status 500", NOW)
    somebody_reached.text_taken(NOW)
    numbers_refused = GatewayHealth()
    for _ in range(10 * PEOPLE):
        numbers_refused.text_refused("status 400", NOW)
    long_ago = GatewayHealth()
    for person in range(PEOPLE):
        long_ago.text_failed(str(person), "status 500", NOW - WINDOW_MS)
    for health in (one_person, somebody_reached, numbers_refused, long_ago):
        assert health.closed_ms(NOW + WINDOW_MS) == 0


def test_refusals_one_after_another_alarm_operators() -> None:
    health = GatewayHealth()
    for count in range(1, REFUSED_TEXTS):
        health.text_refused("status 400", NOW)
        assert alarm(health) == "", count
    health.text_taken(NOW)
    for _ in range(REFUSED_TEXTS - 1):
        health.text_refused("status 400", NOW)
    assert alarm(health) == ""
    health.text_refused("status 400", NOW)
    assert alarm(health) == "the gateway refuses every text: status 400"


def test_a_check_that_passes_does_not_end_the_alarm_of_texts() -> None:
    health = GatewayHealth()
    health.text_failed("a", "status 401", NOW)
    health.check_passed()
    assert alarm(health)
