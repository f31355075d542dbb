"""The fixture of tests of examples, and profiles of Hypothesis.

``pytest --hypothesis-profile nightly`` draws ten thousand random graphs.
"""

import os
from collections.abc import Iterator
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings
from threadpoolctl import threadpool_limits

from tests.examples import imported

settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile(
    "nightly", settings.get_profile("ci"), derandomize=False, max_examples=10_000
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture
def example(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ModuleType]:
    """Return the example of the name that the test is parametrized by, imported.

    Its small products are computed by one thread: two would wait where tests run side by side.
    """
    with threadpool_limits(1):
        yield imported(request.param, monkeypatch)
