"""One browser for all tests of the page.

They need Chromium and its driver, on Debian the packages ``chromium`` and ``chromium-driver``, and
are skipped without; where REQUIRE_BROWSER is set, they fail then.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome, ChromeOptions, ChromeService

import microtensor as mt
from microtensor.viz import explore
from tests.viz.explorer.browser import Page
from tests.viz.explorer.written import network

OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-prefers-reduced-motion",
    "--window-size=1280,800",
)


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    chromedriver = shutil.which("chromedriver")
    if chromium is None or chromedriver is None:
        reason = "chromium and chromedriver are not installed"
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    options = ChromeOptions()
    options.binary_location = chromium
    profile = tmp_path_factory.mktemp("profile")
    for option in (*OPTIONS, f"--user-data-dir={profile}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with Chrome(options=options, service=ChromeService(chromedriver)) as browser:
        yield browser


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, mt.Tensor]]:
    loss, tensors = network()
    path = tmp_path_factory.mktemp("page") / "small page.html"
    return explore(loss, path, names=tensors), tensors


@pytest.fixture
def page(driver: Chrome, small: tuple[Path, Any]) -> Page:
    return Page(driver, small[0])
