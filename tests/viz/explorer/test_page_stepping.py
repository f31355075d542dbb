"""Tests of the page in a browser: opening it, and going through the steps."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

import microtensor as mt
from microtensor.viz import explore
from tests.viz.explorer.browser import Page

# Opening


def test_it_opens_from_disk_with_no_complaint_and_no_request(page: Page) -> None:
    for _ in range(page.steps):
        page.press(Keys.ARROW_RIGHT)
    assert page.complaints() == []
    assert [url for url in page.requests() if not url.startswith(("data:", "about:"))] == [
        page.driver.current_url.partition("#")[0]
    ]
    assert page.script("return performance.getEntriesByType('resource').length") == 0


def test_it_works_in_the_frame_that_a_notebook_shows(
    driver: Chrome, small: tuple[Path, Any], tmp_path: Path
) -> None:
    notebook = tmp_path / "notebook.html"
    notebook.write_text(f"<!doctype html>{small[0]._repr_html_()}", "utf-8")
    driver.get(notebook.as_uri())
    driver.get_log("browser")
    driver.switch_to.frame(0)
    try:
        page = Page.__new__(Page)
        page.driver = driver
        page.wait(lambda: page.script("return document.documentElement.dataset.ready") is not None)
        page.find("#stage").click()
        page.press(Keys.END)
        assert page.step == page.steps - 1
        time.sleep(0.3)  # the address follows a little later
        assert page.complaints() == []
    finally:
        driver.switch_to.default_content()


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


@pytest.mark.parametrize(
    ("shape", "gradient", "said"),
    [
        ((), None, "d_y = 1"),
        ((1, 1), None, "d_y = 1"),
        ((), 5.0, "d_y = its gradient, given"),
        ((2,), [1.0, 1.0], "d_y = its gradient, given"),
    ],
)
def test_backward_begins_at_one_or_at_what_was_given(
    driver: Chrome, tmp_path: Path, shape: tuple[int, ...], gradient: Any, said: str
) -> None:
    y = mt.tensor(np.ones(shape), requires_grad=True, name="x") * 3
    path = explore(y, tmp_path / "page.html", gradient=gradient, names={"y": y})
    page = Page(driver, path, "#step=2")
    assert page.text("#step pre") == said
    (shown,) = page.tables("#step")
    np.testing.assert_array_equal(shown.ravel(), np.ravel(1 if gradient is None else gradient))


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


def test_a_tensor_that_is_used_twice_shows_both_contributions_and_then_their_sum(
    page: Page, small: Any
) -> None:
    W1 = small[1]["W1"]
    expected = [0.1 * 2 * W1.data]  # of 0.1 * sum(square(W1))
    gradient = mt.autograd.grad(small[1]["loss"], W1, retain_graph=True).data
    expected.append(gradient - expected[0])
    seen = []
    page.press("b")
    while page.text("#step h2 + p") != f"{page.steps - 11} of {page.steps - 11}":
        if page.title_of_tensor == "W1":
            seen.append(page.text("#step .stage:last-of-type h3"))
            np.testing.assert_allclose(page.tables("#step")[-1], expected[len(seen) - 1])
        page.press(Keys.ARROW_RIGHT)
    assert seen == ["Contribution 1 of 2(3, 2)", "Contribution 2 of 2(3, 2)"]
    first, second, total = page.tables("#step")
    np.testing.assert_allclose([first, second], expected)
    np.testing.assert_array_equal(total, gradient)
    assert "W1 was used 2 times" in page.text("#step")
    page.find("#step button.link").click()
    assert "Contribution 1 of 2" in page.text("#step")


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
