"""Tasks launched from the command line: their arguments, and waiting for their end."""

import json

import pytest

from console.commands import waiting
from console.commands.opening import WrongUse
from console.commands.triggering import read_arguments
from storage.broker.records import Parameter, TaskInfo
from tasks.engine.arguments import decode_call
from tests.console.commands.office import CommandLine, Office
from tests.tasks.consumers import consumer

INFO = TaskInfo(
    "shop.tasks.pack",
    "packing",
    "Pack.",
    (
        Parameter("order", "int", None),
        Parameter("note", "str", "''"),
        Parameter("weight", "float", "1.0"),
        Parameter("fragile", "bool", "False"),
        Parameter("kind", "Literal['box', 'bag'] | None", "None"),
        Parameter("parts", "list[str]", "[]"),
        Parameter("tags", "dict[str, int]", "{}"),
        Parameter("when", "str | None", "None"),
        Parameter("anything", "", "None"),
    ),
    0,
    0.0,
)


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("order=42", 42),
        ("note=42", "42"),
        ("note=a=b", "a=b"),
        ("note=", ""),
        ("note= two  blanks ", " two  blanks "),
        ("weight=2.5", 2.5),
        ("fragile=true", True),
        ("fragile=no", False),
        ("kind=box", "box"),
        ("kind=null", None),
        ('parts=["a"]', ["a"]),
        ('tags={"a": 1}', {"a": 1}),
        ("when=null", None),
        ("when=42", "42"),
        ("anything=[1, 2]", [1, 2]),
        ("anything=some words", "some words"),
    ],
)
def test_values_are_read_by_the_signature(given: str, value: object) -> None:
    words = [given] if given.startswith("order") else ["order=1", given]
    read = read_arguments(INFO, words)[given.partition("=")[0]]
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "shop.tasks.pack needs order=…"),
        (("order",), "'order' is not KEY=VALUE"),
        (("=1",), "'=1' is not KEY=VALUE"),
        (("order=1", "order=2"), "'order' is there twice"),
        (("ordre=1",), "shop.tasks.pack takes no 'ordre'; it takes order, note,"),
        (("order=one",), "order=one: expected a whole number"),
        (("order=1", "weight=nan"), "weight=nan: expected a finite number"),
        (("order=1", "fragile=perhaps"), "fragile=perhaps: expected true or false"),
        (("order=1", "kind=sack"), "kind=sack: expected one of box, bag"),
        (("order=1", "parts=a,b"), "parts=a,b: not JSON"),
        (("order=1", 'tags=["a"]'), "expected a JSON object"),
    ],
)
def test_an_argument_that_does_not_fit_is_named(given: tuple[str, ...], said: str) -> None:
    with pytest.raises(WrongUse) as refused:
        read_arguments(INFO, given)
    assert said in str(refused.value)


def test_a_task_without_parameters_says_that_it_takes_nothing() -> None:
    with pytest.raises(WrongUse, match="it takes nothing"):
        read_arguments(TaskInfo("t", "q", "", (), 0, 0.0), ["a=1"])


def test_a_triggered_job_waits_where_it_was_told_to(dewey: CommandLine, office: Office) -> None:
    office.publish()
    answer = dewey("trigger", "sync_partner", "partner=initech", "records=7")
    assert answer.status == 0
    job = office.inspector.job(answer.out.strip())
    assert (job.queue, job.state, job.retries) == ("sync", "queued", 2)
    assert decode_call(job.payload) == ((), {"partner": "initech", "records": 7})
    words = "trigger sync_partner partner=initech --queue night --priority 3 --delay 600 --json"
    document = dewey(*words.split()).document
    later = office.inspector.job(document["id"])
    assert document == {"id": later.id, "task": "tasks.samples.sync_partner", "queue": "night"}
    assert (later.queue, later.state, later.priority) == ("night", "scheduled", 3)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ("no_such_task", 1, "no consumer knows a task 'no_such_task'; there are tasks.accounts.send_welcome_email"),
        ("sync_partner", 2, "tasks.samples.sync_partner needs partner=…"),
        ("sync_partner partner=acme", 2, "expected one of northwind, contoso, initech"),
        ("sync_partner partner=initech speed=9", 2, "takes no 'speed'"),
        ("sync_partner partner=initech --delay -1", 2, "--delay"),
        ("sync_partner partner=initech --priority 9999", 2, "--priority"),
    ],
)
def test_a_trigger_that_does_not_fit_starts_nothing(
    dewey: CommandLine, office: Office, words: str, status: int, said: str
) -> None:
    office.publish()
    answer = dewey("trigger", *words.split())
    assert (answer.status, answer.out) == (status, "")
    assert said in answer.err
    assert office.inspector.count() == 0


def test_without_any_consumer_ever_the_answer_says_what_to_do(dewey: CommandLine, office: Office) -> None:
    answer = dewey("trigger", "sync_partner", "partner=initech")
    assert answer.status == 1
    assert "no consumer has published a task" in answer.err


# -- waiting ---------------------------------------------------------------------------------------------------


def test_waiting_ends_with_the_job_and_says_how(
    dewey: CommandLine, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "NO_CONSUMER_AFTER_S", 0.3)
    monkeypatch.setattr(waiting, "LOOK_S", 0.1)
    with consumer(office.jobs, "-w", "2", target="tasks.samples.huey"):
        answer = dewey("trigger", "sync_partner", "partner=northwind", "records=20", "--wait")
        assert (answer.status, answer.err) == (0, "")
        assert answer.lines[0] == "tasks.samples.sync_partner  succeeded"
        assert "result     20" in answer.lines
        document = dewey("trigger", "charge_card", "order_id=7", "amount_cents=100", "--wait", "--json").document
        assert (document["state"], document["result"]) == ("succeeded", "receipt-7")
        declined = dewey("trigger", "charge_card", "order_id=7", "amount_cents=1", "card=40000002", "--wait")
        assert declined.status == 1
        assert any("CardDeclined: order 7" in line for line in declined.lines)
        long = dewey("trigger", "build_report", "month=x", "pages=2", "seconds_per_page=0.4", "--wait")
        assert (long.status, long.err) == (0, "")
        slow = dewey("trigger", "build_report", "month=x", "pages=2", "--wait", "--timeout", "0.1", "--json")
        assert slow.status == 1
        assert "after 0.1 s; the work goes on without this command" in slow.document["error"]
        _follow_a_running_job(dewey)


def _follow_a_running_job(dewey: CommandLine) -> None:
    """Its log appears while it runs, and following ends when it does."""
    words = "trigger build_report month=x pages=4 seconds_per_page=0.2 --json"
    job_id = dewey(*words.split()).document["id"]
    answer = dewey("logs", "-f", job_id)
    assert answer.status == 0
    assert [line.partition("page ")[2][:6] for line in answer.lines] == ["1 of 4", "2 of 4", "3 of 4", "4 of 4"]
    assert dewey("job", job_id, "--json").document["state"] == "succeeded"


def test_a_queue_that_nobody_serves_is_waited_for_only_so_long(
    dewey: CommandLine, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "NO_CONSUMER_AFTER_S", 0.3)
    monkeypatch.setattr(waiting, "LOOK_S", 0.1)
    office.publish()
    answer = dewey("trigger", "sync_partner", "partner=initech", "--wait")
    assert answer.status == 1
    first, last = answer.err.splitlines()
    assert first == "No consumer serves the queue sync: `dewey up` in another terminal starts one."
    assert last.startswith("dewey: no consumer serves the queue sync: run `dewey up`")
    assert office.inspector.count(("queued",)) == 1


def test_a_paused_queue_is_named_with_its_reason(
    dewey: CommandLine, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "LOOK_S", 0.1)
    office.publish()
    office.broker.pause("sync", json.dumps({"by": "ada", "reason": "disk full"}))
    answer = dewey("trigger", "sync_partner", "partner=initech", "--wait", "--timeout", "0.3")
    assert "ada has paused the queue sync (disk full): `dewey resume sync`." in answer.err.splitlines()
    assert answer.status == 1


def test_ctrl_c_while_waiting_says_that_the_job_goes_on(
    dewey: CommandLine, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    office.publish()
    monkeypatch.setattr("time.sleep", interrupt)
    answer = dewey("trigger", "sync_partner", "partner=initech", "--wait")
    assert (answer.status, answer.out) == (130, "")
    assert "goes on without this command" in answer.err
