"""Schedules of prefect.yaml: what is malformed or past is refused with the way out."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from project import ROOT

from flows.schedules import next_date, require_sound_schedules
from rewardgate.errors import RewardGateError

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)  # a Wednesday


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ({"cron": "0 3 * * 1"}, datetime(2026, 11, 30, 3, tzinfo=UTC)),
        ({"cron": "0 3 * * *", "timezone": "Europe/Berlin"}, datetime(2026, 11, 26, 2, tzinfo=UTC)),
        (
            {"interval": 600, "anchor_date": "2020-01-01T00:05:00Z"},
            datetime(2026, 11, 25, 12, 5, tzinfo=UTC),
        ),
        (
            {"rrule": "DTSTART:20270101T030000\nRRULE:FREQ=DAILY;COUNT=1"},
            datetime(2027, 1, 1, 3, tzinfo=UTC),
        ),
    ],
)
def test_the_next_date(schedule: dict[str, object], expected: datetime) -> None:
    assert next_date(schedule, NOW, "here") == expected


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ({"cron": "0 25 * * *"}, ("cron '0 25 * * *'", "as in '0 3 * * 1'")),
        ({"cron": "weekly"}, ("cron 'weekly'", "give minute, hour")),
        ({"cron": 7}, ("cron 7", "give minute, hour")),
        ({"cron": "0 3 * * *", "timezone": "Mars"}, ("timezone", "as in '0 3 * * 1'")),
        ({"interval": -5}, ("interval -5", "seconds above 0")),
        ({"interval": "soon"}, ("interval 'soon'", "seconds above 0")),
        ({"interval": 60, "anchor_date": "yesterday"}, ("anchor_date", "2027-01-31T03:00:00Z")),
        ({"rrule": "FREQ=SOMETIMES"}, ("rrule 'FREQ=SOMETIMES'", "RFC 5545")),
        ({"cron": "0 0 30 2 *"}, ("never fires after 2026-11-25 12:00", "move it into the future")),
        (
            {"rrule": "DTSTART:20200101T030000\nRRULE:FREQ=DAILY;COUNT=1"},
            ("never fires after", "prefect deployment run"),
        ),
        (
            {"rrule": "DTSTART:20200101T030000\nRRULE:FREQ=DAILY;UNTIL=20201231T000000"},
            ("never fires after", "prefect deployment run"),
        ),
        ({"active": True}, ("give one of cron, interval, rrule",)),
        ({"cron": "0 3 * * 1", "interval": 60}, ("give one of cron, interval, rrule",)),
        ("0 3 * * 1", ("give one of cron, interval, rrule",)),
    ],
)
def test_a_fault_is_one_line_with_place_and_mend(schedule: object, words: tuple[str, ...]) -> None:
    with pytest.raises(RewardGateError) as caught:
        next_date(schedule, NOW, "prefect.yaml: retrain/weekly: schedule 1")
    message = str(caught.value)
    assert message.startswith("prefect.yaml: retrain/weekly: schedule 1: ")
    assert "\n" not in message
    for word in words:
        assert word in message


@given(
    st.dictionaries(
        st.sampled_from(["cron", "interval", "rrule", "timezone"]),
        st.text() | st.integers() | st.none(),
    )
)
def test_no_schedule_ends_in_a_traceback(schedule: dict[str, object]) -> None:
    with suppress(RewardGateError):
        assert next_date(schedule, NOW, "here") >= NOW


def test_the_schedules_of_the_project_are_sound() -> None:
    lines = require_sound_schedules(ROOT / "prefect.yaml", NOW)
    assert [line.partition(":")[0] for line in lines] == [
        "retrain/weekly",
        "retrain/new-rankings",
        "reevaluate/nightly",
        "drift/nightly",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("deployments: [", "not YAML"),
        ("deployments: 3", "give a list `deployments`"),
        ("name: x", "give a list `deployments`"),
        ("deployments: [{name: x}]", "each with entrypoint and name"),
        ("deployments: [{name: x, entrypoint: a.b, schedules: [{cron: x}]}]", "b/x: schedule 1: "),
    ],
)
def test_a_file_that_is_no_prefect_yaml(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "prefect.yaml"
    path.write_text(text)
    with pytest.raises(RewardGateError, match=words):
        require_sound_schedules(path, NOW)
    with pytest.raises(RewardGateError, match="no such file"):
        require_sound_schedules(tmp_path / "absent.yaml", NOW)
