"""Tests of the examples that train: small runs learn, draw, and come out the same again."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import microtensor as mt
from tests.examples import is_picture, of


@of("digits_cnn", "digits_mlp", "denoising_autoencoder", "siamese_digits")
def test_the_same_seed_gives_the_same_run_bit_for_bit(example: ModuleType, tmp_path: Path) -> None:
    arguments = ["--small", "--epochs", "1", "--out", str(tmp_path)]
    first, second = (repr(example.main([*arguments, "--seed", "7"])) for _ in range(2))
    assert first == second


@of("digits_cnn")
def test_a_convolutional_network_reads_digits(
    example: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = example.main(["--small", "--out", str(tmp_path)])
    assert results.losses[-1] < results.losses[0] / 2
    assert results.accuracy > 0.8
    assert results.accuracy_when_loaded == results.accuracy
    assert len(results.misread) == round((1 - results.accuracy) * 449)
    assert all(is_digit != read_as for is_digit, read_as in results.misread)
    network, *pictures = results.files
    assert mt.load(network)["accuracy"] == results.accuracy
    assert len(pictures) == 3
    assert all(map(is_picture, pictures))
    assert "gives the same chances" in capsys.readouterr().out


@of("digits_cnn")
def test_digits_are_moved_by_part_of_a_pixel(example: ModuleType) -> None:
    images = np.zeros((200, 1, 8, 8), np.float32)
    images[:, :, 4, 4] = 1
    moved = example.moved(images, np.random.default_rng(0))
    assert moved.dtype == np.float32
    np.testing.assert_allclose(moved.sum(axis=(1, 2, 3)), 1, rtol=1e-5)
    assert (moved[:, 0, 4, 4] >= 0.4**2 - 1e-6).all()
    place = np.arange(-4, 4)
    down = moved[:, 0].sum(axis=2) @ place
    right = moved[:, 0].sum(axis=1) @ place
    for distance in (down, right):
        assert abs(distance).max() <= 0.6 + 1e-6
        assert distance.min() < -0.5
        assert distance.max() > 0.5


@of("digits_mlp")
def test_sigmoid_layers_read_digits(
    example: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = example.main(["--small", "--out", str(tmp_path)])
    assert results.costs[-1] < results.costs[0] / 3
    assert results.accuracy > 0.85
    assert results.confusion.sum() == 449
    assert np.trace(results.confusion) / 449 == pytest.approx(results.accuracy)
    assert results.accuracy_of_cnn is None
    assert all(map(is_picture, results.files))
    assert "what they were read as" in capsys.readouterr().out


@of("digits_mlp")
def test_sigmoid_layers_are_compared_with_a_convolutional_network_of_the_same_seed(
    example: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mt.save(tmp_path / "digits_cnn.safetensors", {"accuracy": 443 / 449, "seed": 3})
    arguments = ["--small", "--epochs", "1", "--out", str(tmp_path)]
    assert example.main([*arguments, "--seed", "4"]).accuracy_of_cnn is None
    assert example.main([*arguments, "--seed", "3"]).accuracy_of_cnn == 443 / 449
    assert "it misread 6, this one" in capsys.readouterr().out


@of("denoising_autoencoder")
def test_an_autoencoder_removes_noise(example: ModuleType, tmp_path: Path) -> None:
    results = example.main(["--small", "--out", str(tmp_path)])
    assert results.noisy == pytest.approx(0.25, rel=0.03)  # the variance of the noise
    assert results.cleaned < results.median < results.noisy
    assert results.cleaned < 0.07
    assert results.linear < results.median
    assert len(results.files) == 2
    assert all(map(is_picture, results.files))


@of("denoising_autoencoder")
def test_the_linear_filter_is_as_good_as_a_linear_map_can_be(example: ModuleType) -> None:
    rng = np.random.default_rng(0)
    images = rng.uniform(0.4, 0.6, (5000, 1, 1, 1)) * np.ones((1, 8, 8))
    noisy = images + 0.5 * rng.standard_normal(images.shape)
    cleaned = example.linear_filter(noisy, images)
    # All pixels are one number, of variance v: its best estimate has the error v n / (v + n),
    # where n is that of the mean of 64 pixels with noise.
    v, n = 0.2**2 / 12, 0.5**2 / 64
    assert np.mean((cleaned - images) ** 2) == pytest.approx(v * n / (v + n), rel=0.05)


@of("siamese_digits")
def test_a_siamese_network_tells_pairs_of_digits_apart(example: ModuleType, tmp_path: Path) -> None:
    results = example.main(["--small", "--out", str(tmp_path)])
    assert results.losses[-1] < results.losses[0] / 2
    assert results.area > 0.9 > results.area_of_pixels
    assert results.pairs_right > 0.75
    assert results.neighbours_right > 0.6
    assert len(results.files) == 2
    assert all(map(is_picture, results.files))


@of("siamese_digits")
def test_half_of_the_partners_are_alike(example: ModuleType) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(10, size=300)
    digits = labels[:, None].repeat(20, axis=1).ravel()
    partners, alike = example.Partners(labels).draw(digits, rng)
    np.testing.assert_array_equal(labels[partners] == digits, alike == 1)
    assert alike.mean() == pytest.approx(0.5, abs=0.03)
