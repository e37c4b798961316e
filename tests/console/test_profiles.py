"""An operator's own file: named environments, and keys."""

import os
from pathlib import Path

import pytest

from console import bindings, profiles
from console.gateway.demo import DemoGateway
from console.screens.action_dialog import ActionDialog
from storage.errors import SettingsError
from storage.settings import load
from tests.console.stage import Stage, play, still_app

TEXT = """
default = "staging"

[profiles.staging]
DEWEY_ENVIRONMENT = "staging"

[profiles.prod]
DEWEY_ENVIRONMENT = "production"
DEWEY_COLOUR = "red"
DEWEY_LEASE_S = 45
DEMO_MODE = false

[keys]
requeue = "ctrl+r,f5"
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the file is looked for; the environment is as it was afterwards."""
    monkeypatch.setattr(os, "environ", dict(os.environ) | {"XDG_CONFIG_HOME": str(tmp_path)})
    (tmp_path / "dewey").mkdir()
    return tmp_path / "dewey" / "config.toml"


def test_a_file_that_is_not_there_says_nothing(path: Path) -> None:
    config = profiles.read()
    assert (config.path, config.default, config.profiles, config.keys) == (path, "", {}, {})
    profiles.choose(config, "")


def test_a_profile_is_a_set_of_settings_under_a_name(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(TEXT)
    for name in ("DEWEY_ENVIRONMENT", "DEWEY_COLOUR", "DEWEY_LEASE_S", "DEMO_MODE"):
        monkeypatch.delenv(name, raising=False)
    profiles.choose(profiles.read(), "prod")
    settings = {name: os.environ[name] for name in ("DEWEY_ENVIRONMENT", "DEWEY_COLOUR", "DEWEY_LEASE_S", "DEMO_MODE")}
    assert settings == {
        "DEWEY_ENVIRONMENT": "production",
        "DEWEY_COLOUR": "red",
        "DEWEY_LEASE_S": "45",
        "DEMO_MODE": "false",
    }


def test_without_a_name_the_default_profile_is_used(path: Path) -> None:
    path.write_text(TEXT)
    profiles.choose(profiles.read(), "")
    assert os.environ["DEWEY_ENVIRONMENT"] == "staging"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("default = ", "can not be read"),
        ("default = 'x'", "no profile 'x'"),
        ("defautl = 'x'", "defautl is not known; did you mean default"),
        ("[profiles.a]\nREDIS_ULR = 'x'", "profiles.a.REDIS_ULR is not known; did you mean REDIS_URL"),
        ("[profiles.a]\nredis_url = 'x'", "did you mean REDIS_URL"),
        ("[profiles]\na = 1", r"profiles.a is 1: expected a table, \[profiles.a\]"),
        ("profiles = 1", "profiles is 1: expected a table"),
        ("[profiles.a]\nREDIS_URL = ['x']", "REDIS_URL is a list: expected a text"),
        ("[keys]\nrequeue = ['r']", "keys.requeue is a list"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(path: Path, text: str, says: str) -> None:
    path.write_text(text)
    with pytest.raises(SettingsError, match=says) as caught:
        profiles.read()
    assert str(path) in str(caught.value)


def test_an_unknown_profile_is_named_with_those_that_are_there(path: Path) -> None:
    path.write_text(TEXT)
    with pytest.raises(SettingsError, match=r"no profile 'production'; there is staging, prod"):
        profiles.choose(profiles.read(), "production")


def test_own_keys_are_checked_against_the_table() -> None:
    assert bindings.checked({"requeue": "ctrl+r"}, "f") == {"requeue": "ctrl+r"}
    with pytest.raises(SettingsError, match=r"keys\.reqeue is not known; did you mean requeue"):
        bindings.checked({"reqeue": "r"}, "f")
    with pytest.raises(SettingsError, match=r"keys\.requeue is ' ,r'"):
        bindings.checked({"requeue": " ,r"}, "f")


def test_an_own_key_takes_the_place_of_the_tables() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("r")
        assert not isinstance(stage.app.screen, ActionDialog)
        await stage.press("f5")
        assert isinstance(stage.app.screen, ActionDialog)

    app = still_app(start="state:dead", write="a test")
    app.set_keymap({"requeue": "ctrl+r,f5"})
    play(script, app)


@pytest.mark.parametrize("colour", ["", "red", "purple", "#00ff7f"])
def test_the_frame_shows_the_environment_in_its_colour(colour: str) -> None:
    async def script(stage: Stage) -> None:
        assert "staging" in stage.text

    play(script, still_app(DemoGateway(), environment="staging", colour=colour))


def test_a_wrong_colour_is_refused_with_what_is_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEWEY_COLOUR", "pink")
    with pytest.raises(SettingsError, match=r"DEWEY_COLOUR=pink .*expected red, orange"):
        load(None)
