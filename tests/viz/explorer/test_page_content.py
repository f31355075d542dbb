"""Tests of the page in a browser: what it shows of names, arrays, comparisons, large graphs."""

from pathlib import Path

import numpy as np
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

import microtensor as mt
from microtensor import nn
from microtensor.viz import explore
from tests.viz.explorer.browser import Page
from tests.viz.explorer.written import network

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


def test_pointing_at_a_cell_reads_it(driver: Chrome, tmp_path: Path) -> None:
    vector = mt.tensor(np.arange(100.0), requires_grad=True)
    page = Page(driver, explore(vector.sum(), tmp_path / "page.html"), "#tensor=vector")
    canvas = page.find("#tensor .value canvas")
    right = canvas.size["width"] / 2 - 3
    ActionChains(driver).move_to_element_with_offset(canvas, right, 0).perform()
    text = page.text("#tensor .value .note")
    place, value = text.split(": ")
    assert place == value
    assert int(value) % 32 == 31


def test_another_theme_repaints_what_is_painted(driver: Chrome, tmp_path: Path) -> None:
    W = mt.tensor(np.zeros((20, 20)), requires_grad=True)
    page = Page(driver, explore(np.square(W).sum(), tmp_path / "page.html"), "#tensor=W")

    def colour() -> list[int]:
        return page.script(
            """const canvas = document.querySelector("#tensor .value canvas");
            return [...canvas.getContext("2d").getImageData(5, 5, 1, 1).data];"""
        )

    light = colour()
    page.find("#theme").click()
    assert colour() != light


def test_a_comparison_stands_beside_and_on_the_graph(driver: Chrome, tmp_path: Path) -> None:
    loss, tensors = network()
    W1, z1 = tensors["W1"], tensors["z1"]
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


def test_the_verdict_leads_to_the_gradient_that_is_wrong_each_time(
    driver: Chrome, tmp_path: Path
) -> None:
    loss, tensors = network()
    comparison = mt.compare(loss, {tensors["W1"]: np.ones((3, 2))})
    path = explore(loss, tmp_path / "page.html", comparison=comparison, names=tensors)
    page = Page(driver, path)
    page.press(Keys.END)  # a step that takes all of the panel
    for _ in range(2):
        page.find("#verdict").click()
        assert page.title_of_tensor == "W1"
        in_view = """const panel = document.querySelector("aside").getBoundingClientRect();
            const title = document.querySelector("#tensor .hand h3").getBoundingClientRect();
            return title.top >= panel.top && title.bottom <= panel.bottom;"""
        assert page.script(in_view) is True
        page.script("document.querySelector('aside').scrollTop = 0")
        assert page.script(in_view) is False


def test_what_is_unhealthy_is_marked_and_said(driver: Chrome, tmp_path: Path) -> None:
    x = mt.tensor([0.0, 1.0], requires_grad=True)
    with np.errstate(all="ignore"):
        loss = np.log(x).sum()
    page = Page(driver, explore(loss, tmp_path / "page.html"), "#tensor=log")
    assert page.text("#tensor .findings li").startswith("Inf first made here")
    assert "Inf first made here" in page.node("log").get_attribute("aria-label")
    assert page.node("log").find_elements(By.CSS_SELECTOR, ".badge.unhealthy")


def test_a_slider_goes_through_the_iterations_of_a_training(driver: Chrome, tmp_path: Path) -> None:
    loss, tensors = network()
    history = [
        {"error": 1 / i, "W1": np.full((3, 2), i), "W1.grad": np.full((3, 2), -i)}
        for i in range(1, 6)
    ]
    path = explore(loss, tmp_path / "page.html", history=history, names=tensors)
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
