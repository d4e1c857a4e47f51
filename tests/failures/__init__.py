"""What is left when each step breaks: what was lost, and what was done but never heard of."""

import pytest

pytest.register_assert_rewrite("tests.failures.verdict")
