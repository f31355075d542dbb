"""Tests of the examples on sequences: small runs learn, draw, and come out the same again."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import microtensor as mt
from tests.examples import is_picture, of


@of("names_lstm", "sort_transformer")
def test_the_same_seed_gives_the_same_run_bit_for_bit(example: ModuleType, tmp_path: Path) -> None:
    arguments = ["--small", "--epochs", "1", "--out", str(tmp_path)]
    first, second, other = (example.main([*arguments, "--seed", seed]) for seed in "001")
    assert repr(first) == repr(second)
    assert repr(first) != repr(other)


@of("names_lstm")
def test_names_are_learned_better_than_letters_and_pairs_can_be_counted(
    example: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = example.main(["--small", "--out", str(tmp_path)])
    assert results.training[-1] < results.training[0] - 0.5
    assert results.held_out < results.baselines["counts of pairs"]
    assert results.baselines["counts of pairs"] < results.baselines["counts of letters"]
    assert results.baselines["counts of letters"] < results.baselines["all letters alike"]
    assert results.validation[results.best_epoch - 1] == min(results.validation)
    picture, network = results.files
    assert is_picture(picture)
    assert mt.load(network)["lstm.weight_hh_l0"].shape == (4 * 32, 32)
    assert "new at 1.0: " in capsys.readouterr().out


@of("names_lstm")
def test_low_temperatures_repeat_and_high_ones_wander(example: ModuleType, tmp_path: Path) -> None:
    results = example.main(["--small", "--out", str(tmp_path)])
    names = example.read_names()
    distinct = {t: len(set(drawn)) for t, drawn in results.samples.items()}
    assert distinct[0.4] < distinct[1.4]
    for temperature, drawn in results.samples.items():
        assert len(drawn) == 200
        assert all(name.isalpha() for name in drawn)
        invented = np.mean([name not in names for name in drawn])
        assert invented <= results.made_up[temperature] <= 1


@of("names_lstm")
def test_the_list_has_distinct_names_in_order(example: ModuleType) -> None:
    names = example.read_names()
    assert len(names) > 600
    assert names == sorted(set(names))
    assert all(name.isascii() and name.isalpha() for name in names)


@of("names_lstm")
def test_a_name_is_encoded_with_what_comes_next(example: ModuleType) -> None:
    letters, following = example.encode(["eve", "ab"])
    assert letters.tolist() == [[0, 5, 22, 5], [0, 1, 2, 0]]
    assert following.tolist() == [[5, 22, 5, 0], [1, 2, 0, example.PADDING]]


@of("names_lstm")
def test_counts_of_letters_are_bits_by_hand(example: ModuleType) -> None:
    arrays = tuple(map(mt.tensor, example.encode(["aa"])))  # → a, a → a, a → end
    bits = example.counted(arrays, arrays)
    single = -np.log2(np.array([29, 29, 28]) / (27 * 27 + 3)).mean()
    pairs = -np.log2(np.array([2 / 28, 2 / 29, 2 / 29])).mean()
    assert bits["counts of letters"] == pytest.approx(single)
    assert bits["counts of pairs"] == pytest.approx(pairs)


@of("sort_transformer")
def test_a_transformer_learns_to_sort(
    example: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = example.main(["--small", "--out", str(tmp_path)])
    assert results.losses[-1] < results.losses[0] / 4
    assert 0.25 < results.places_right_by_guessing < 0.45
    assert results.places_right > 0.8
    assert results.lists_right == pytest.approx(1 - len(results.wrong) / 2000)
    assert all(sorted(digits) != answer for digits, answer in results.wrong)
    assert all(map(is_picture, results.files))
    assert "of the lists held out" in capsys.readouterr().out


@of("sort_transformer")
def test_nothing_held_out_is_drawn_in_any_order(example: ModuleType) -> None:
    rng = np.random.default_rng(0)
    held_out = rng.integers(3, size=(20, 8))  # of few digits, so that many would be met
    drawn = example.draw(2000, example.as_numbers(held_out), rng)
    assert drawn.shape == (2000, 8)
    assert not {tuple(sorted(d)) for d in drawn.tolist()} & {
        tuple(sorted(d)) for d in held_out.tolist()
    }
    again = example.draw(5, example.as_numbers(drawn), np.random.default_rng(1))
    assert not np.isin(example.as_numbers(again), example.as_numbers(drawn)).any()


@of("sort_transformer")
def test_attention_is_what_the_network_computes_with(example: ModuleType) -> None:
    model = example.Sorter(8, 2, 2, np.random.default_rng(0))
    digits = [3, 1, 4, 1, 5, 9, 2, 6]
    first, second = model.attention(digits)
    assert first.shape == second.shape == (2, 8, 8)
    np.testing.assert_allclose(first.sum(axis=-1), 1, rtol=1e-6)
    q, k, _ = np.split(
        model.embed(np.array([digits])).numpy()[0]
        @ model.encoder.layers[0].self_attn.in_proj_weight.numpy().T,
        3,
        axis=1,
    )
    scores = np.exp(q[:, :4] @ k[:, :4].T / 2)
    np.testing.assert_allclose(first[0], scores / scores.sum(axis=1, keepdims=True), rtol=1e-4)
