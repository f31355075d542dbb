"""Tests of the page in a browser: looking at tensors, finding them, moving about."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

import microtensor as mt
from microtensor.viz import explore
from tests.viz.explorer.browser import Page


def test_a_click_on_a_tensor_shows_all_of_it(page: Page, small: Any) -> None:
    page.node("z1").click()
    assert page.title_of_tensor == "z1"
    facts = page.text("#tensor .facts")
    assert "(4, 2)float64" in facts
    assert "matmul + b1" in facts
    gradient = mt.autograd.grad(small[1]["loss"], small[1]["z1"], retain_graph=True)
    np.testing.assert_array_equal(page.tables("#tensor .gradient")[0], gradient.data)
    page.press(Keys.END)
    assert page.title_of_tensor == "z1"
    page.press(Keys.ESCAPE)
    assert page.title_of_tensor == "W1"


def test_the_chain_rule_has_a_term_for_each_path(page: Page) -> None:
    page.node("W1").click()
    terms = [
        "".join(
            fraction.text.replace("\n", "/")
            for fraction in term.find_elements(By.CSS_SELECTOR, ".fraction")
        )
        for term in page.all("#tensor .chain .term")
    ]
    assert terms == [
        "∂loss/∂mean∂mean/∂square_1∂square_1/∂a1∂a1/∂z1∂z1/∂matmul∂matmul/∂W1",
        "∂loss/∂multiply∂multiply/∂sum∂sum/∂square_2∂square_2/∂W1",
    ]
    page.all("#tensor .chain .factor")[3].click()
    assert page.text("#what") == "Backward: z1 from a1"


def test_search_finds_and_selects(page: Page) -> None:
    page.press("/")
    page.press("sig")
    assert [item.text.split()[0] for item in page.all("#found li")] == ["a1"]
    page.press(Keys.ENTER)
    assert page.title_of_tensor == "a1"
    page.press("/", "q", "u", "a")
    assert [item.text.split()[0] for item in page.all("#found li b")][:2] == [
        "square_1",
        "square_2",
    ]
    page.press(Keys.ARROW_DOWN, Keys.ENTER)
    assert page.title_of_tensor == "square_2"
    page.press("/", "n", "o", "n", "e")
    assert page.text("#found") == "Nothing found"
    page.press(Keys.ESCAPE)
    assert not page.find("#found").is_displayed()


def test_the_graph_zooms_pans_and_fits(page: Page) -> None:
    def transform() -> str:
        return page.find("#graph > g").get_attribute("transform") or ""

    seen = [transform()]

    def moved() -> None:
        page.wait(lambda: transform() != seen[-1])
        seen.append(transform())

    page.press("+")
    moved()
    page.all("#zoom button")[1].click()
    moved()
    graph = page.find("#graph")
    drag = ActionChains(page.driver).move_to_element_with_offset(graph, -300, 150)
    drag.click_and_hold().move_by_offset(60, 30).release().perform()
    moved()
    assert "tensor=" not in page.driver.current_url
    origin = ScrollOrigin.from_element(graph)
    ActionChains(page.driver).scroll_from_origin(origin, 0, -200).perform()
    moved()
    page.press("f")
    moved()
    boxes = page.script(
        """const room = document.getElementById("stage").getBoundingClientRect();
        return [...document.querySelectorAll("g.node")].every((node) => {
            const box = node.getBoundingClientRect();
            return box.left >= room.left && box.right <= room.right
                && box.top >= room.top && box.bottom <= room.bottom;
        });"""
    )
    assert boxes is True


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (900, 700)])
def test_nothing_covers_the_tensors_of_a_step(
    driver: Chrome, tmp_path: Path, width: int, height: int
) -> None:
    h = mt.tensor(np.ones((2, 3)), name="X")
    for i in range(5):
        W = mt.tensor(np.full((3, 3), 0.1), requires_grad=True, name=f"W{i}")
        h = np.tanh(h @ W)
    path = explore(h.sum(), tmp_path / "page.html")
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        page = Page(driver, path)
        assert page.find("#overview").is_displayed()
        for step in range(1, page.steps):
            page.press(Keys.ARROW_RIGHT)
            assert page.step == step
            uncovered = page.script(
                """const inset = 3;  // corners are round
                const now = [...document.querySelectorAll(".node.active, .node.arriving")];
                return now.map((node) => {
                    const box = node.querySelector(".frame").getBoundingClientRect();
                    const middle = (box.left + box.right) / 2;
                    const on = (x, y) => node.contains(document.elementFromPoint(x, y));
                    return on(middle, box.top + inset) && on(middle, box.bottom - inset)
                        && on(box.left + inset, (box.top + box.bottom) / 2)
                        && on(box.right - inset, (box.top + box.bottom) / 2);
                });"""
            )
            assert uncovered == [True], step
        apart = page.script(
            """const graph = document.getElementById("graph").getBoundingClientRect();
            return ["legend", "zoom", "overview"].every((id) => {
                const box = document.getElementById(id).getBoundingClientRect();
                return box.right <= graph.left || box.bottom <= graph.top;
            });"""
        )
        assert apart is True
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_graph_that_can_be_read_at_once_has_no_overview(driver: Chrome, tmp_path: Path) -> None:
    x = mt.tensor([1.0, 2.0], requires_grad=True)
    page = Page(driver, explore(x.sum(), tmp_path / "page.html"))
    assert not page.find("#overview").is_displayed()


def test_two_fingers_zoom(page: Page) -> None:
    def touch(kind: str, apart: int) -> None:
        points = [{"x": 300 - apart, "y": 300, "id": 1}, {"x": 300 + apart, "y": 300, "id": 2}]
        arguments = {"type": kind, "touchPoints": points if kind != "touchEnd" else []}
        page.driver.execute_cdp_cmd("Input.dispatchTouchEvent", arguments)

    def width() -> float:
        return float(page.script("return arguments[0].getBoundingClientRect().width", node))

    node = page.node("a1")
    before = width()
    touch("touchStart", 50)
    for apart in (60, 80, 100):
        touch("touchMove", apart)
    touch("touchEnd", 0)
    page.wait(lambda: width() == pytest.approx(2 * before, rel=0.2))


def test_all_of_it_is_reached_by_the_keyboard(page: Page) -> None:
    reached = set()
    for _ in range(30):
        page.press(Keys.TAB)
        reached.add(
            page.script(
                """const e = document.activeElement;
                return e.id || e.getAttribute("aria-label") || e.textContent;"""
            )
        )
    assert {"graph", "theme", "help", "slider", "where", "speed", "Zoom in"} <= reached
    page.script("document.getElementById('graph').focus()")
    page.press(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    page.press(Keys.ENTER)
    assert page.title_of_tensor == "W1"
    page.press("?")
    assert page.find("dialog").is_displayed()
    page.press(Keys.ESCAPE)
    assert not page.find("dialog").is_displayed()


def test_every_control_has_a_name(page: Page) -> None:
    for step in (0, 3, page.steps - 1):
        page.go(step)
        nameless = page.script(
            """return [...document.querySelectorAll("button, input, select, canvas, [role=button]")]
                .filter((e) => !e.hidden)
                .filter((e) => !(e.getAttribute("aria-label") || e.textContent.trim()
                    || e.closest("[aria-hidden=true]")))
                .map((e) => e.outerHTML);"""
        )
        assert nameless == []


def test_the_theme_is_the_systems_until_it_is_chosen(page: Page) -> None:
    def background() -> str:
        return str(page.script("return getComputedStyle(document.body).backgroundColor"))

    def prefer(scheme: str) -> None:
        feature = {"name": "prefers-color-scheme", "value": scheme}
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    try:
        prefer("light")
        light = background()
        prefer("dark")
        dark = background()
        assert light != dark
        page.find("#theme").click()
        assert background() == light
        prefer("light")
        page.find("#theme").click()
        assert background() == dark
    finally:
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
