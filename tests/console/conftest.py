"""The console's tests: scripts in their own modules fail with the values they compared."""

import pytest

for _scripts in ("key", "watch", "act", "walk", "filter", "export"):
    pytest.register_assert_rewrite(f"tests.console.{_scripts}_scripts")
pytest.register_assert_rewrite("tests.console.stage")
