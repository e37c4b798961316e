"""The console's tests: scripts in their own modules fail with the values they compared."""

import pytest

pytest.register_assert_rewrite("tests.console.key_scripts", "tests.console.watch_scripts", "tests.console.stage")
