"""A small page, in the browser."""

from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome

import microtensor as mt
from microtensor.viz import explore
from tests.chromium import driver as driver
from tests.viz.explorer.browser import Page
from tests.viz.explorer.written import network


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, mt.Tensor]]:
    loss, tensors = network()
    path = tmp_path_factory.mktemp("page") / "small page.html"
    return explore(loss, path, names=tensors), tensors


@pytest.fixture
def page(driver: Chrome, small: tuple[Path, Any]) -> Page:
    return Page(driver, small[0])
