"""Tests of the pages as a reader has them, opened from disk."""

from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from tests.chromium import requested

PAGES = [
    "index.html",
    "benchmarks.html",
    "course/1-one-neuron.html",
    "course/6-backward-step-by-step.html",
    "examples.html",
    "drawings.html",
    "explorer.html",
    "how-it-works/architecture.html",
    "operations.html",
    "programs.html",
    "reference/functions.html",
]


@pytest.mark.parametrize("page", PAGES)
def test_only_files_are_asked_for(driver: Chrome, site: Path, page: str) -> None:
    driver.get("about:blank")
    driver.get_log("browser")
    requested(driver)
    driver.get((site / page).as_uri())
    addresses = requested(driver)
    assert any(address.endswith(".css") for address in addresses)
    assert [each for each in addresses if not each.startswith(("file:", "data:"))] == []
    assert driver.get_log("browser") == []


def test_the_search_finds_a_function(driver: Chrome, site: Path) -> None:
    driver.get((site / "drawings.html").as_uri())
    driver.execute_script("document.querySelector('label[for=__search]').click()")
    driver.find_element(By.CSS_SELECTOR, "input.md-search__input").send_keys("gradcheck")
    wait = WebDriverWait(driver, 20)
    found = wait.until(
        lambda browser: browser.find_elements(By.CSS_SELECTOR, "a.md-search-result__link")
    )
    addresses = [link.get_attribute("href") or "" for link in found]
    assert any("reference/autograd.html" in address for address in addresses)
    assert [each for each in requested(driver) if not each.startswith(("file:", "data:"))] == []


@pytest.mark.parametrize(("scheme", "filter"), [("light", "none"), ("dark", "invert(0.92)")])
def test_pictures_fit_the_theme(driver: Chrome, site: Path, scheme: str, filter: str) -> None:
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    driver.get((site / "drawings.html").as_uri())
    styles = driver.execute_script(
        "return [...document.querySelectorAll('.picture svg')].map(e => getComputedStyle(e).filter)"
    )
    assert len(styles) > 1
    assert all(style.startswith(filter) for style in styles)


def test_what_is_copied_is_code(driver: Chrome, site: Path) -> None:
    driver.get((site / "gradients.html").as_uri())
    wait = WebDriverWait(driver, 20)
    block = next(
        each
        for each in driver.find_elements(By.CSS_SELECTOR, ".highlight")
        if "loss.backward()" in each.text
    )
    button = wait.until(lambda _: block.find_element(By.CSS_SELECTOR, "[data-md-type=copy]"))
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    button.click()
    driver.execute_script("document.querySelector('h1').append(document.createElement('textarea'))")
    field = driver.find_element(By.TAG_NAME, "textarea")
    field.send_keys(Keys.CONTROL, "v")
    assert [line for line in field.get_property("value").splitlines() if line] == [
        "loss = ((mt.sigmoid(X @ W1) @ W2 - y) ** 2).sum()",
        "loss.backward()",
        "W2.grad",
        "W1.grad = W2.grad = None",
    ]
