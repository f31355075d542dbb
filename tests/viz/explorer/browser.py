"""A page in the browser, and what a person would do and see there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.chromium import requested


class Page:
    """A page in the browser, and what a person would do and see there."""

    def __init__(self, driver: Chrome, path: Path, address: str = "") -> None:
        self.driver = driver
        driver.get("about:blank")  # or a new address of the same file would not load it
        driver.get_log("browser")
        driver.get_log("performance")
        driver.get(path.as_uri() + address)
        self.wait(lambda: self.script("return document.documentElement.dataset.ready") is not None)

    def wait(self, condition: Callable[[], Any]) -> None:
        WebDriverWait(self.driver, 20, poll_frequency=0.02).until(lambda _: condition())

    def script(self, source: str, *arguments: Any) -> Any:
        return self.driver.execute_script(source, *arguments)

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        return str(self.script("return document.querySelector(arguments[0]).textContent", selector))

    def press(self, *keys: str) -> None:
        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()

    def node(self, name: str) -> WebElement:
        """Return a tensor in the graph."""
        return self.script(
            """return [...document.querySelectorAll("g.node")].find((node) => {
                const label = node.getAttribute("aria-label");
                return label.split(/ = |, /)[0].split(" ")[1] === arguments[0];
            })""",
            name,
        )

    def go(self, step: int) -> None:
        field = self.find("#where")
        field.clear()
        field.send_keys(str(step), Keys.ENTER)
        self.wait(lambda: self.step == step)

    @property
    def step(self) -> int:
        return int(self.find("#slider").get_property("value"))

    @property
    def steps(self) -> int:
        return int(self.find("#slider").get_attribute("max") or 0) + 1

    @property
    def title_of_tensor(self) -> str:
        return self.text("#tensor h2")

    def tables(self, card: str) -> list[np.ndarray]:
        """Return the arrays that a card shows as numbers, in full precision."""
        found = self.script(
            """return [...document.querySelectorAll(arguments[0] + " table.numbers")].map(
                (table) => [...table.rows].map((row) => [...row.cells].map(
                    (cell) => Number(cell.dataset.value))))""",
            card,
        )
        return [np.array(rows) for rows in found]

    def shown(self, card: str) -> list[list[list[str]]]:
        """Return the same as it is written."""
        return self.script(
            """return [...document.querySelectorAll(arguments[0] + " table.numbers")].map(
                (table) => [...table.rows].map((row) => [...row.cells].map(
                    (cell) => cell.textContent)))""",
            card,
        )

    def complaints(self) -> list[str]:
        """Return what the browser's console says."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Return the addresses that the page asked for since it was opened."""
        return requested(self.driver)
