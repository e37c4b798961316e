"""The summary of a job: how long it waited, what its title has said already, and what broke."""

from tests.console.stage import Stage, play, still_app

MAIL = "state:dead err:SMTP"


def test_what_broke_is_in_the_summary_beside_the_facts_or_below_them() -> None:
    async def wide(stage: Stage) -> None:
        await stage.press("enter")
        first = next(line for line in stage.text.split("\n") if "Attempt 4" in line)
        assert "✗ failed" in first
        assert "connection.send_message(message)" in stage.text
        assert "library frame" in stage.text
        assert stage.text.index("Attempt 4") < stage.text.index("Arguments")

    async def narrow(stage: Stage) -> None:
        await stage.press("enter", "G")
        assert "smtplib.SMTPServerDisconnected" in stage.text

    play(wide, still_app(start=MAIL), (200, 60))
    play(narrow, still_app(start=MAIL))


def test_a_job_that_ran_well_has_no_attempt_in_its_summary() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("enter")
        assert "Attempt 1" not in stage.text
        assert "waited      " in stage.text

    play(script, still_app(start="state:succeeded"), (200, 60))


def test_the_state_is_said_once_unless_there_is_more_to_say_of_it() -> None:
    async def plain(stage: Stage) -> None:
        await stage.press("enter")
        assert stage.text.count("✗ dead") == 1

    async def with_reason(stage: Stage) -> None:
        await stage.press("enter")
        assert "⊘ canceled  revoked by ada" in stage.text

    play(plain, still_app(start=MAIL), (120, 40))
    play(with_reason, still_app(start="state:canceled"), (120, 40))
