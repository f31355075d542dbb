"""Tests of the page that microtensor.viz.explore writes, in a browser.

They need Chromium and its driver, on Debian the packages ``chromium`` and ``chromium-driver``, and
are skipped without; where REQUIRE_BROWSER is set, they fail then.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from selenium.webdriver import ActionChains, Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

import microtensor as mt
from microtensor import nn
from microtensor.viz import explore

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
        return self.script(  # type: ignore[no-any-return]
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
        return self.script(  # type: ignore[no-any-return]
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
        messages = [json.loads(e["message"])["message"] for e in self.driver.get_log("performance")]
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]


@pytest.fixture(scope="module")
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


def network() -> dict[str, mt.Tensor]:
    """Return the tensors of a network with a broadcast bias and weights that are used twice."""
    rng = np.random.default_rng(1)
    X = mt.tensor(rng.normal(size=(4, 3)))
    W1 = mt.tensor(rng.normal(size=(3, 2)), requires_grad=True)
    b1 = mt.tensor(rng.normal(size=2), requires_grad=True)
    z1 = X @ W1 + b1
    a1 = mt.sigmoid(z1)
    loss = np.square(a1).mean() + 0.1 * np.square(W1).sum()
    return {"X": X, "W1": W1, "b1": b1, "z1": z1, "a1": a1, "loss": loss}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, mt.Tensor]]:
    tensors = network()
    path = tmp_path_factory.mktemp("page") / "small page.html"
    return explore(tensors["loss"], path, names=tensors), tensors


@pytest.fixture
def page(driver: Chrome, small: tuple[Path, Any]) -> Page:
    return Page(driver, small[0])


# Opening


def test_it_opens_from_disk_with_no_complaint_and_no_request(page: Page) -> None:
    for _ in range(page.steps):
        page.press(Keys.ARROW_RIGHT)
    assert page.complaints() == []
    assert [url for url in page.requests() if not url.startswith(("data:", "about:"))] == [
        page.driver.current_url.partition("#")[0]
    ]
    assert page.script("return performance.getEntriesByType('resource').length") == 0


def test_what_the_page_does_not_bring_along_may_not_run(page: Page) -> None:
    page.script(
        """const script = document.createElement("script");
        script.textContent = "window.ran = true";
        document.body.append(script);"""
    )
    assert page.script("return window.ran") is None
    assert any("Content Security Policy" in complaint for complaint in page.complaints())


def test_the_graph_has_every_tensor_and_edge(page: Page) -> None:
    # X W1 matmul b1 z1 a1 square mean, square sum multiply, loss; 0.1 stands where it is used.
    assert len(page.all("#graph g.node")) == 12
    assert len(page.all("#graph path.edge")) == 12
    assert page.text("#facts") == "9 operations, 2 parameters"
    assert page.node("W1").get_attribute("class").startswith("node parameter")


# Stepping


def test_each_step_of_the_forward_pass_shows_a_value(page: Page, small: Any) -> None:
    tensors = small[1]
    seen = set()
    page.press(Keys.ARROW_RIGHT)
    while page.text("#step h2") == "Forward":
        name = page.title_of_tensor
        if name in tensors:
            seen.add(name)
            np.testing.assert_array_equal(
                page.tables("#tensor .value")[0], np.atleast_2d(tensors[name].data)
            )
            assert "active" in page.node(name).get_attribute("class")
        page.press(Keys.ARROW_RIGHT)
    assert seen == {"z1", "a1", "loss"}


def test_each_step_of_the_backward_pass_shows_the_gradients_of_autograd(
    page: Page, small: Any
) -> None:
    tensors = {name: t for name, t in small[1].items() if t.requires_grad}
    gradients = dict(
        zip(
            tensors,
            mt.autograd.grad(tensors["loss"], list(tensors.values()), retain_graph=True),
            strict=True,
        )
    )
    page.press("b")
    parts: dict[str, list[np.ndarray]] = {}
    while True:
        assert page.text("#step h2") == "Backward"
        tables = page.tables("#step")
        name = page.title_of_tensor
        if page.all("#step .route"):
            incoming = page.text("#step .stage code").removeprefix("d_")
            if incoming in gradients:
                np.testing.assert_array_equal(tables[0], np.atleast_2d(gradients[incoming].data))
            parts.setdefault(name, []).append(tables[-1])
        elif name in parts:
            shown = tables[-1]
            np.testing.assert_allclose(sum(parts[name]), shown, rtol=1e-14)
            parts[name] = [shown]
        if page.step == page.steps - 1:
            break
        page.press(Keys.ARROW_RIGHT)
    for name in ("W1", "b1", "z1", "a1"):
        (shown,) = parts[name]
        np.testing.assert_array_equal(shown, np.atleast_2d(gradients[name].data))


def test_a_broadcast_operand_shows_the_gradient_before_and_after_the_sum(
    page: Page, small: Any
) -> None:
    tensors = small[1]
    page.press(Keys.END)
    while page.text("#step h2 + p") and page.title_of_tensor != "b1":
        page.press(Keys.ARROW_LEFT)
    d_z1 = mt.autograd.grad(tensors["loss"], tensors["z1"], retain_graph=True).data
    incoming, before, after = page.tables("#step")
    np.testing.assert_array_equal(incoming, d_z1)
    np.testing.assert_array_equal(before, d_z1)
    np.testing.assert_array_equal(after, np.atleast_2d(d_z1.sum(axis=0)))
    assert page.text("#step .rule code") == "d_b1 = np.sum(d_z1, axis=0)"
    assert page.text("#step p.sum") == (
        "b1 was broadcast from (2,) to (4, 2): sum over axis 0 gives (2,)."
    )


def test_only_operands_that_are_broadcast_are_said_to_be(page: Page) -> None:
    page.go(1)
    assert page.text("#step pre") == "matmul = X @ W1"
    assert not page.all("#step .note")
    page.go(2)
    assert [note.text for note in page.all("#step .note")] == ["b1 (2,) is broadcast to (4, 2)."]


def test_numbers_are_written_to_four_digits(page: Page, small: Any) -> None:
    page.node("b1").click()
    value = small[1]["b1"].data
    written = page.shown("#tensor .value")[0][0]
    assert [float(text.replace("−", "-")) for text in written] == pytest.approx(value, rel=1e-3)
    assert all(len(text.lstrip("−0.")) <= 5 for text in written)


def test_values_and_gradients_appear_in_the_graph_as_they_are_reached(page: Page) -> None:
    def numbers(name: str) -> tuple[str, str]:
        lines = [
            page.script("return arguments[0].textContent", text)
            for text in page.node(name).find_elements(By.CSS_SELECTOR, ".value, .gradient")
        ]
        return lines[0], lines[1]

    assert numbers("b1")[0].startswith("value [")
    assert numbers("z1") == ("", "")
    page.press(Keys.END)
    assert numbers("z1")[0].startswith("value ")
    assert numbers("z1")[1].startswith("grad ")
    page.press(Keys.HOME)
    assert numbers("z1") == ("", "")


# Moving


def test_keys_step_jump_and_play(page: Page) -> None:
    last = page.steps - 1
    page.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert page.step == 1
    page.press(Keys.END)
    assert page.step == last
    page.press(Keys.ARROW_RIGHT)
    assert page.step == last
    page.press(Keys.HOME, Keys.ARROW_LEFT)
    assert page.step == 0
    page.script("const s = document.getElementById('speed'); s.value = 60;")
    page.press(Keys.SPACE)
    assert page.find("button.play").get_attribute("aria-label") == "Pause (Space)"
    page.wait(lambda: page.step == last)
    page.wait(lambda: page.find("button.play").get_attribute("aria-label") == "Play (Space)")


def test_playing_can_be_paused(page: Page) -> None:
    page.find("button.play").click()
    page.wait(lambda: page.step == 2)
    page.find("button.play").click()
    at = page.step
    page.driver.execute_async_script("setTimeout(arguments[0], 1500)")
    assert page.step == at


def test_buttons_the_slider_and_a_typed_number_move(page: Page) -> None:
    page.find("button.next").click()
    page.find("button.next").click()
    page.find("button.back").click()
    assert page.step == 1
    page.find("button.last").click()
    assert page.step == page.steps - 1
    page.find("button.first").click()
    page.find("#slider").send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert page.step == 2
    page.go(5)
    assert page.find("#slider").get_attribute("aria-valuetext") == page.text("#what")


def test_the_address_leads_to_a_step_and_a_tensor(driver: Chrome, small: tuple[Path, Any]) -> None:
    page = Page(driver, small[0], "#step=12&tensor=W1")
    assert (page.step, page.title_of_tensor) == (12, "W1")
    page.press(Keys.ARROW_RIGHT)
    page.wait(lambda: "#step=13&tensor=W1" in driver.current_url)
    page.script("location.hash = 'step=3'")
    page.wait(lambda: page.step == 3)
    page.script("location.hash = 'step=none&tensor=none'")
    page.wait(lambda: page.step == 0)
    page.script("location.hash = 'step=99999'")
    page.wait(lambda: page.step == page.steps - 1)
    assert page.complaints() == []


# Looking


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


# Names that would be markup


def test_hostile_names_are_text(driver: Chrome, tmp_path: Path) -> None:
    name = "</script><img src=x onerror=\"document.title='broken'\"><b>&amp;\u2028'`${1}"
    x = mt.tensor([1.0, 2.0], requires_grad=True, name=name)
    page = Page(driver, explore((x * 2).sum(), tmp_path / "page.html", title=name))
    page.press(Keys.ARROW_RIGHT)
    page.press(Keys.END)
    assert page.title_of_tensor == name
    assert page.text("#title") == name
    assert driver.title.startswith("</script><img src=x onerror=")
    assert page.all("img") == []
    page.script("location.hash = arguments[0]", "tensor=" + name)
    assert page.complaints() == []


# Large arrays, comparisons, training


def test_a_large_array_is_a_heatmap_that_says_it_is_a_summary(
    driver: Chrome, tmp_path: Path
) -> None:
    values = np.random.default_rng(0).normal(size=(200, 300))
    W = mt.tensor(values, requires_grad=True)
    page = Page(driver, explore(np.square(W).sum(), tmp_path / "page.html"), "#tensor=W")
    notes = page.text("#tensor .value .note")
    assert notes.startswith("A summary: means over blocks, 32 × 32 of 200 × 300 (60,000 elements)")
    statistics = page.text("#tensor .value .statistics")
    assert f"std{values.std():.4g}norm{np.linalg.norm(values):.4g}" in statistics
    assert len(page.all("#tensor .value .histogram rect")) == 24
    colours = page.script(
        """const canvas = document.querySelector("#tensor .value canvas");
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return new Set(new Uint32Array(data.buffer)).size;"""
    )
    assert colours > 100
    ActionChains(driver).move_to_element(page.find("#tensor .value canvas")).perform()
    assert page.text("#tensor .value .note") != notes


def test_a_comparison_stands_beside_and_on_the_graph(driver: Chrome, tmp_path: Path) -> None:
    tensors = network()
    loss, W1, z1 = tensors["loss"], tensors["W1"], tensors["z1"]
    right = mt.autograd.grad(loss, [z1, W1], retain_graph=True)
    comparison = mt.compare(loss, {z1: right[0].data, W1: -right[1].data})
    path = explore(loss, tmp_path / "page.html", comparison=comparison, names=tensors)
    page = Page(driver, path, "#tensor=W1")
    assert page.text("#tensor .hand .verdict") == "✗ wrong"
    assert comparison["W1"].cause.text in page.text("#tensor .hand")
    hand, difference = page.tables("#tensor .hand")
    np.testing.assert_array_equal(hand, -right[1].data)
    np.testing.assert_array_equal(difference, -2 * right[1].data)
    badges = [page.script("return arguments[0].textContent", b) for b in page.all(".badge")]
    assert sorted(badges) == ["✓", "✗"]
    assert "hand-derived gradient wrong" in page.node("W1").get_attribute("aria-label")
    assert page.text("#comparison header p") == "1 wrong of 2"


def test_a_slider_goes_through_the_iterations_of_a_training(driver: Chrome, tmp_path: Path) -> None:
    tensors = network()
    history = [
        {"error": 1 / i, "W1": np.full((3, 2), i), "W1.grad": np.full((3, 2), -i)}
        for i in range(1, 6)
    ]
    path = explore(tensors["loss"], tmp_path / "page.html", history=history, names=tensors)
    page = Page(driver, path, "#tensor=W1&iteration=2")
    assert page.text("#training header p") == "iteration 2"
    np.testing.assert_array_equal(page.tables("#tensor .value")[0], np.full((3, 2), 2.0))
    page.find("#training input").send_keys(Keys.ARROW_RIGHT)
    np.testing.assert_array_equal(page.tables("#tensor .gradient")[0], np.full((3, 2), -3.0))
    assert "0.33333" in page.text("#training")
    assert page.step == 0
    page.find("#training button").click()
    np.testing.assert_array_equal(page.tables("#tensor .value")[0], tensors["W1"].data)


# Large graphs


def test_two_thousand_nodes_open_and_step(driver: Chrome, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    W = mt.tensor(rng.normal(size=(3, 3)), requires_grad=True)
    b = mt.tensor(np.zeros(3), requires_grad=True)
    h = mt.tensor(np.zeros((1, 3)))
    for i in range(500):
        h = np.tanh(h @ W + b + mt.tensor(rng.normal(size=(1, 3)), name=f"x{i}"))
    loss = h.sum()
    page = Page(driver, explore(loss, tmp_path / "page.html"))
    assert len(page.all("#graph g.node")) >= 2000
    for _ in range(5):
        page.press(Keys.ARROW_RIGHT)
    assert page.step == 5
    page.press(Keys.END)
    gradients = [page.tables("#step")[-1], page.tables("#tensor .gradient")[0]]
    expected = mt.autograd.grad(loss, [W, b])
    assert page.title_of_tensor in ("W", "b")
    which = expected[page.title_of_tensor == "b"].data
    for gradient in gradients:
        np.testing.assert_array_equal(gradient, np.atleast_2d(which))
    page.press("/", *"x399", Keys.ENTER)
    assert page.title_of_tensor == "x399"
    page.wait(lambda: page.node("x399").find_elements(By.CSS_SELECTOR, "text.name"))
    assert page.complaints() == []


def test_modules_name_their_parameters(driver: Chrome, tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    output = model(mt.tensor(np.ones((3, 2)))).sum()
    page = Page(driver, explore(output, tmp_path / "page.html"), "#tensor=0.weight")
    assert page.title_of_tensor == "0.weight"
    assert "Module0" in page.text("#tensor .facts")
