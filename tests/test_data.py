"""Tests of microtensor.data."""

from typing import Any

import numpy as np
import pytest

import microtensor as mt
from microtensor.data import (
    DataLoader,
    Dataset,
    Subset,
    TensorDataset,
    default_collate,
    random_split,
)
from microtensor.errors import (
    ArgumentError,
    DtypeError,
    IndexingError,
    ShapeError,
    TracingError,
)

X = np.arange(14, dtype=np.float32).reshape(7, 2)
Y = np.arange(7) * 10


class Items(Dataset):
    """Samples that are made one by one, of what a TensorDataset of X and Y has."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __len__(self) -> int:
        return 7

    def __getitem__(self, index: int) -> Any:
        assert type(index) is int
        self.asked.append(index)
        return X[index], int(Y[index])


class Doubled(TensorDataset):
    """Arrays, with samples of its own."""

    def __getitem__(self, index: Any) -> Any:
        x, y = super().__getitem__(index)
        return 2 * x, y


def arrays(batch: Any) -> list[Any]:
    return [tensor.data.tolist() for tensor in batch]


# Data sets


def test_samples_of_a_tensor_dataset() -> None:
    dataset = TensorDataset(X, mt.tensor(Y), [True] * 7)
    assert len(dataset) == 7
    x, y, flag = dataset[2]
    assert (x.dtype, y.dtype, flag.dtype) == (np.float32, np.int64, np.bool_)
    assert (x.data.tolist(), y.item(), flag.item()) == ([4, 5], 20, True)
    assert dataset[-1][1].item() == 60
    assert [y.item() for _, y, _ in dataset] == Y.tolist()
    assert dataset[1:3][1].data.tolist() == [10, 20]
    with pytest.raises(IndexError):
        dataset[7]


def test_no_gradient_flows_to_a_dataset() -> None:
    w = mt.tensor(X, requires_grad=True)
    for dataset in (w * 2, TensorDataset(w * 2)):
        assert not default_collate([next(iter(DataLoader(dataset)))])[0].requires_grad
    assert not default_collate([w[0], w[1]]).requires_grad


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ((), ArgumentError, "needs an array"),
        ((X, Y[:6]), ShapeError, r"as many samples, and the shapes are \(7, 2\), \(6,\)"),
        ((X, 3.0), ShapeError, r"along the first axis, and the shapes are \(7, 2\), \(\)"),
        ((["a", "b"],), DtypeError, "str"),
    ],
)
def test_arrays_that_are_no_dataset(given: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        TensorDataset(*given)


def test_subsets() -> None:
    subset = Subset(TensorDataset(X, Y), [3, -1, 0, 3])
    assert [y.item() for _, y in subset] == [30, 60, 0, 30]
    assert subset[-1][1].item() == 30
    assert subset[1:][1].data.tolist() == [60, 0, 30]
    assert len(Subset(subset, [])) == 0
    assert Subset(subset, np.array([1], np.uint8))[0][1].item() == 60
    assert Subset(range(1000), np.array([200, -1], np.int16)).indices.tolist() == [200, 999]
    assert Subset(range(1000), np.array([200], np.uint8))[0] == 200
    with pytest.raises(IndexError):
        subset[4]


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        ([0, 7], "index 7, and the data set has 7 samples"),
        ([-8], "index -8"),
        ([0.5], "dtype float64"),
        ([[1]], r"shape \(1, 1\)"),
        (np.arange(7) > 3, "flatnonzero"),
        (3, r"shape \(\)"),
    ],
)
def test_indices_that_are_none(indices: Any, message: str) -> None:
    with pytest.raises(IndexingError, match=message):
        Subset(TensorDataset(X, Y), indices)


def test_a_dataset_without_samples_says_so() -> None:
    class Empty(Dataset):
        def __len__(self) -> int:
            return 1

    with pytest.raises(NotImplementedError, match="Empty has no samples: define"):
        next(iter(DataLoader(Empty())))


# Batches


@pytest.mark.parametrize("make", [lambda: (X, Y), lambda: TensorDataset(X, Y), Items])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("size", [1, 2, 3, 7, np.int64(3), 20])
def test_batches_are_the_samples_in_order(make: Any, drop_last: bool, size: int) -> None:
    loader = DataLoader(make(), size, drop_last=drop_last)
    found = list(loader)
    expected = [slice(i, i + size) for i in range(0, 7, size)]
    if drop_last and 7 % size:
        expected.pop()
    assert len(loader) == len(found) == len(expected)
    for (x, y), part in zip(found, expected, strict=True):
        assert isinstance(x, mt.Tensor)
        assert (x.dtype, y.dtype) == (np.float32, np.int64)
        assert np.array_equal(x.data, X[part])
        assert np.array_equal(y.data, Y[part])


def test_batches_of_one_array_are_tensors() -> None:
    assert [batch.data.tolist() for batch in DataLoader(Y, 4)] == [[0, 10, 20, 30], [40, 50, 60]]
    assert [batch.data.tolist() for batch in DataLoader(mt.tensor(Y), 5)][1] == [50, 60]


@pytest.mark.parametrize("shuffle", [False, True])
def test_batches_are_copies(shuffle: bool) -> None:
    data = X.copy()
    for batch in DataLoader(data, 3, shuffle):
        assert batch.data.flags.c_contiguous
        with mt.no_grad():
            batch *= 0
    assert np.array_equal(data, X)


def test_a_shuffled_epoch_has_each_sample_once() -> None:
    loader = DataLoader((X, Y), 2, shuffle=True, generator=np.random.default_rng(0))
    epochs = [np.concatenate([y.data for _, y in loader]) for _ in range(20)]
    assert all(np.array_equal(np.sort(epoch), Y) for epoch in epochs)
    assert len({epoch.tobytes() for epoch in epochs}) > 15
    for x, y in loader:
        assert np.array_equal(x.data[:, 0] * 5, y.data)


def test_all_kinds_of_datasets_are_shuffled_alike() -> None:
    def epochs(dataset: Any) -> list[Any]:
        loader = DataLoader(dataset, 3, shuffle=True, generator=np.random.default_rng(5))
        return [arrays(batch) for _ in range(3) for batch in loader]

    expected = epochs((X, Y))
    order = np.random.default_rng(5).permutation(7)
    assert expected[0] == [X[order[:3]].tolist(), Y[order[:3]].tolist()]
    everything = Subset(Subset(TensorDataset(X[::-1], Y[::-1]), range(7)), range(6, -1, -1))
    for dataset in (Items(), everything, Subset(Items(), range(7)), list(zip(X, Y, strict=True))):
        assert epochs(dataset) == expected


def test_a_dataset_with_samples_of_its_own_is_asked_for_them() -> None:
    for dataset in (Doubled(X, Y), Subset(Doubled(X, Y), range(7))):
        assert np.array_equal(next(iter(DataLoader(dataset, 7)))[0].data, 2 * X)
    items = Items()
    next(iter(DataLoader(items, 3)))
    assert items.asked == [0, 1, 2]


def test_orders_are_unpredictable_unless_a_generator_is_given() -> None:
    many = np.arange(1000)
    first, second = (next(iter(DataLoader(many, 1000, shuffle=True))) for _ in range(2))
    assert not np.array_equal(first.data, second.data)


def test_an_epoch_is_drawn_when_it_begins() -> None:
    rng = np.random.default_rng(0)
    loader = DataLoader(Y, 2, shuffle=True, generator=rng)
    before = rng.bit_generator.state
    epoch = iter(loader)
    after = rng.bit_generator.state
    assert before != after
    batches = list(epoch)
    assert rng.bit_generator.state == after
    rng.bit_generator.state = before
    for a, b in zip(loader, batches, strict=True):
        assert np.array_equal(a.data, b.data)


def test_epochs_that_are_interleaved_do_not_disturb_each_other() -> None:
    loader = DataLoader(Y, 2, shuffle=True)
    pairs = list(zip(loader, loader, strict=True))
    for epoch in zip(*pairs, strict=True):
        assert np.array_equal(np.sort(np.concatenate([batch.data for batch in epoch])), Y)


@pytest.mark.parametrize("size", [0, -1, 2.0, 2.5, True, None, "2"])
def test_impossible_batch_sizes(size: Any) -> None:
    with pytest.raises(ArgumentError, match=f"batch_size is {size!r}, and must be an integer"):
        DataLoader(X, size)


@pytest.mark.parametrize(
    ("dataset", "error", "message"),
    [
        (X[:0], ArgumentError, "empty"),
        ([], ArgumentError, "empty"),
        ((), ArgumentError, "needs an array"),
        (Subset(Items(), []), ArgumentError, "empty"),
        ((X, Y[:6]), ShapeError, r"\(7, 2\), \(6,\)"),
        (np.array(3.0), ShapeError, "axis"),
        ((x for x in X), ArgumentError, "a generator does not: give arrays"),
        (3, ArgumentError, "a int does not"),
        ({"x": X}, ArgumentError, "A dict is no data set"),
        ("abc", ArgumentError, "A str is no data set"),
    ],
)
def test_what_is_no_dataset(dataset: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        DataLoader(dataset)


@pytest.mark.parametrize("generator", [0, np.random.RandomState(0), np.random])
def test_generators_that_are_none(generator: Any) -> None:
    with pytest.raises(ArgumentError, match=r"numpy\.random\.default_rng\(seed\)"):
        DataLoader(X, generator=generator)
    with pytest.raises(ArgumentError, match=r"numpy\.random\.default_rng\(seed\)"):
        random_split(X, [7], generator)


def test_a_loader_in_a_program_is_refused() -> None:
    loader = DataLoader(X, 2)

    def epoch(w: Any) -> Any:
        return sum(((w * batch).sum() for batch in loader), w.sum())

    with pytest.raises(TracingError, match="compile the step"):
        mt.compile(epoch)(mt.tensor([1.0, 2.0]))


# Collating


class Sentence:
    pass


def test_nested_samples_are_collated() -> None:
    samples = [
        {"x": X[i], "pair": (i, [float(i), bool(i)]), "name": "ab"[i], "t": mt.tensor([i])}
        for i in range(2)
    ]
    batch = default_collate(samples)
    assert list(batch) == ["x", "pair", "name", "t"]
    assert batch["name"] == ["a", "b"]
    count, (half, flag) = batch["pair"]
    assert type(batch["pair"]) is tuple
    assert (count.dtype, half.dtype, flag.dtype) == (np.int64, np.float64, np.bool_)
    assert batch["x"].dtype == np.float32
    assert batch["t"].shape == (2, 1)


def test_a_function_can_collate() -> None:
    loader = DataLoader((X, Y), 3, collate_fn=len)
    assert list(loader) == [3, 3, 1]


@pytest.mark.parametrize(
    ("samples", "error", "message"),
    [
        ([], ArgumentError, "got none"),
        ([X[0], X[:2]], ShapeError, r"the shapes differ: \(2,\) and \(2, 2\).*collate_fn"),
        ([(1, 2), (1,)], ShapeError, "the lengths differ: 2 and 1"),
        ([{"a": 1}, {"b": 1}], ShapeError, "the keys differ"),
        ([Sentence()], ArgumentError, "made of a Sentence: give the DataLoader a collate_fn"),
        ([None], ArgumentError, "NoneType"),
    ],
)
def test_samples_that_are_no_batch(samples: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        default_collate(samples)


# Splitting


@pytest.mark.parametrize(
    ("total", "lengths", "expected"),
    [  # the latter from torch.utils.data.random_split(range(total), lengths), PyTorch 2.13
        (10, [7, 3], [7, 3]),
        (10, [10, 0], [10, 0]),
        (10, [0.75, 0.25], [8, 2]),
        (10, [0.3, 0.3, 0.4], [3, 3, 4]),
        (7, [0.5, 0.25, 0.25], [4, 2, 1]),
        (29, [0.1] * 10, [3] * 9 + [2]),
        (100, [0.29, 0.71], [29, 71]),
        (3, [1.0], [3]),
        (10, [1, 0.0], [10, 0]),
    ],
)
def test_splits_divide_the_samples(total: int, lengths: Any, expected: list[int]) -> None:
    parts = random_split(range(total), lengths, np.random.default_rng(1))
    assert [len(part) for part in parts] == expected
    assert sorted(i for part in parts for i in part) == list(range(total))


def test_splits_are_random_and_reproducible() -> None:
    a, b = (random_split(Y, [4, 3], np.random.default_rng(3)) for _ in range(2))
    assert [part.indices.tolist() for part in a] == [part.indices.tolist() for part in b]
    many = [random_split(np.arange(1000), [1000])[0].indices for _ in range(2)]
    assert not np.array_equal(*many)


def test_parts_of_arrays_are_loaded_in_batches() -> None:
    train, rest = random_split((X, Y), [0.6, 0.4], np.random.default_rng(0))
    ((x, y),) = DataLoader(train, 7)
    assert np.array_equal(x.data, X[train.indices])
    assert np.array_equal(y.data, Y[train.indices])
    assert len(rest) == 2


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([4, 2], r"sum to the 7 there are, and \[4, 2\] sum to 6"),
        ([9, -2], "sum to 7"),
        ([0.5, 0.4], r"fractions from 0 to 1 that sum to 1, and \[0.5, 0.4\] sum to 0.9"),
        ([1.5, -0.5], "fractions"),
        ([4.0, 3.0], "fractions"),
        ([float("nan"), 1.0], "fractions"),
        (["4", "3"], "numbers of samples or fractions"),
        ([], "sum to 0"),
    ],
)
def test_impossible_splits(lengths: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        random_split((X, Y), lengths)
