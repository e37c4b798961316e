"""Jobs go first while history is not too far behind, and history catches up when it is."""

import itertools
import sys
import threading

import pytest

from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.database.connection import Database
from storage.errors import StoreUnavailable
from storage.history import pace
from storage.history.lag import Lag, lag
from storage.history.pace import NICENESS, Pace, niceness
from storage.history.recorder import Recorder
from tests.servers import wait_until
from tests.storage.history.comparison import differences
from tests.storage.history.lives import Lives

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only on Linux a thread can give way alone")


def at_work(it: Pace) -> list[int]:
    """The niceness of a shift and of a thread that it starts."""
    found: list[int] = []

    def shift() -> None:
        found.append(niceness())
        helper = threading.Thread(target=lambda: found.append(niceness()))
        helper.start()
        helper.join()

    it.work(shift)
    return found


def fall_behind(broker: Broker) -> None:
    """An event of long ago waits."""
    broker.call("hset", broker.keys.recording, mapping={"cursor": "0-0", "read": 0})
    broker.call("xadd", broker.keys.events, {"x": "1 queued "}, "1-1")


def test_a_shift_gives_way_and_nobody_else_does(broker: Broker) -> None:
    before = niceness()
    assert at_work(Pace(broker, 1000)) == [before + NICENESS] * 2
    assert niceness() == before


def test_a_late_recorder_takes_its_share(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "LOOK_S", 0.0)
    it = Pace(broker, 1000)
    assert not it.look()
    fall_behind(broker)
    assert it.look()
    assert at_work(it) == [niceness()] * 2
    broker.call("delete", broker.keys.events)
    assert at_work(it) == [niceness() + NICENESS] * 2


def test_many_events_make_it_hurry_before_any_is_lost(
    broker: Broker, lives: Lives, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder.step()
    monkeypatch.setattr(pace, "LOOK_S", 0.0)
    for _ in range(30):
        lives.add()
    assert Pace(broker, 100).look()
    assert not Pace(broker, 200).look()


def test_what_ends_a_shift_is_told(broker: Broker) -> None:
    def shift() -> None:
        raise StoreUnavailable("away")

    with pytest.raises(StoreUnavailable, match="away"):
        Pace(broker, 1000).work(shift)


def test_nothing_is_lost_while_the_pace_changes(
    broker: Broker, database: Database, lives: Lives, inspector: Inspector, monkeypatch: pytest.MonkeyPatch
) -> None:
    shifts: list[int] = []
    told_s = itertools.cycle([0.0, 0.0, 100.0, 100.0])
    monkeypatch.setattr(pace, "LOOK_S", 0.01)
    monkeypatch.setattr(pace, "lag", lambda *_: Lag(True, 1, next(told_s)))
    recorder, stop = Recorder(broker, database), threading.Event()
    work = recorder._shift

    def shift(*args: object, **options: object) -> None:
        shifts.append(niceness())
        work(*args, **options)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(recorder, "_shift", shift)
    thread = threading.Thread(target=lambda: recorder.run(stop, gives_way=True))
    thread.start()
    try:

        def both_were_seen() -> bool:
            lives.succeed()
            return len(set(shifts)) == 2 and len(shifts) > 3

        wait_until(both_were_seen, "shifts of both kinds", timeout_s=30)
        wait_until(lambda: lag(inspector).exists and lag(inspector).events_behind == 0, "it has caught up")
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()
    assert differences(inspector, database) == []
