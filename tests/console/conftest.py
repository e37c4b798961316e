"""The console's tests: scripts in their own modules fail with the values they compared."""

import pytest

for _scripts in ("key_scripts", "watch_scripts", "act_scripts", "walk_scripts", "filter_scripts", "stage"):
    pytest.register_assert_rewrite(f"tests.console.{_scripts}")
