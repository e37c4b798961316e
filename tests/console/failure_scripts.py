"""What the keys of the groups of failures do, as scripts; test_keys.py plays them on an armed console."""

from console.screens.failures import FailuresScreen
from tests.console.key_scripts import key
from tests.console.stage import Stage


@key("screen.failures", start="queues")
async def _four_shows_the_failures(stage: Stage) -> None:
    await stage.press("4")
    assert isinstance(stage.app.screen, FailuresScreen)
    assert "SMTPServerDisconnected" in stage.text
