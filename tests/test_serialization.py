"""Tests of microtensor.serialization."""

import io
import json
import math
import os
import pickle
import struct
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import microtensor as mt
from microtensor import nn, optim
from microtensor.errors import (
    FileFormatError,
    MissingDependencyError,
    OutputError,
    SerializationError,
    TracingError,
)

safetensors = pytest.importorskip("safetensors")

NAMES = "? i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8"


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "a.safetensors")


def same(a: Any, b: Any) -> bool:
    """Tell whether two structures are the same in types, values and order, NaN like NaN."""
    if type(a) is not type(b):
        return False
    if isinstance(a, (np.ndarray, np.generic)):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return same(list(a.items()), list(b.items()))
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return (math.isnan(a) and math.isnan(b)) or struct.pack("d", a) == struct.pack("d", b)
    return bool(a == b)


def header(path: str) -> dict[str, Any]:
    data = Path(path).read_bytes()
    return json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])


def test_the_comparison_of_these_tests_sees_differences() -> None:
    pairs = [(1, True), (1, 1.0), ((1,), [1]), (0.0, -0.0), ({1: 2}, {"1": 2}), ([1], [1, 1])]
    pairs += [(np.ones(1), np.ones(1, "f4")), (np.float64(1), 1.0), ({1: 1, 2: 2}, {2: 2, 1: 1})]
    assert not any(same(a, b) or same(b, a) for a, b in pairs)


# A state_dict


@pytest.mark.parametrize("dtype", NAMES.split())
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,), (2, 3)])
def test_arrays_of_every_dtype(path: str, dtype: str, shape: tuple[int, ...]) -> None:
    array = np.arange(math.prod(shape)).reshape(shape).astype(dtype)
    big = array.astype(array.dtype.newbyteorder(">"))
    spread = np.repeat(array, 2, axis=-1)[..., ::2] if shape else array
    saved = {"a": array, "b": big, "c": spread, "d": array.T, "e": mt.tensor(array), "f": array}
    mt.save(path, saved)
    loaded = mt.load(path)
    assert loaded.keys() == saved.keys()
    for name, value in loaded.items():
        assert same(value, array.T.copy() if name == "d" else array)
        assert value.flags.writeable
        assert not any(np.shares_memory(value, b) for n, b in loaded.items() if n != name)


def test_a_state_dict_becomes_a_plain_file(path: str) -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    mt.save(path, model.state_dict())
    assert "__metadata__" not in header(path)
    expected = safetensors.numpy.load_file(path)
    assert same(mt.load(path), {name: expected[name] for name in mt.load(path)})
    other = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    assert not any(other.load_state_dict(mt.load(path)))
    assert np.array_equal(other(np.ones((1, 2))).data, model(np.ones((1, 2))).data)


def test_tensors_that_require_gradients_are_saved(path: str) -> None:
    layer = nn.Linear(2, 1)
    mt.save(path, {"parameter": layer.weight, "result": layer([[1.0, 2.0]]) * 2})
    assert np.array_equal(mt.load(path)["parameter"], layer.weight.data)
    assert mt.load(path)["result"].shape == (1, 1)


def test_tied_weights_are_saved_under_each_name(path: str) -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].weight = model[0].weight
    mt.save(path, dict(model.named_parameters(remove_duplicate=False)))
    loaded = mt.load(path)
    assert np.array_equal(loaded["0.weight"], loaded["1.weight"])
    model.load_state_dict(loaded)


def test_float32_loads_into_float64_and_back(path: str) -> None:
    wide, narrow = nn.Linear(3, 2), nn.Linear(3, 2, dtype=np.float32)
    mt.save(path, narrow.state_dict())
    wide.load_state_dict(mt.load(path))
    assert wide.weight.dtype == np.float64
    assert np.array_equal(wide.weight.data, narrow.weight.data)
    mt.save(path, wide.state_dict())
    narrow.load_state_dict(mt.load(path))
    assert narrow.weight.dtype == np.float32
    assert np.array_equal(wide.weight.data, narrow.weight.data)


# A checkpoint


class Point(NamedTuple):
    x: int
    y: int


def test_a_checkpoint_comes_back_as_it_was(path: str) -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model(np.ones((4, 2))).sum().backward()
    optimizer.step()
    checkpoint = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "generators": [
            kind(7).state
            for kind in (np.random.PCG64, np.random.Philox, np.random.MT19937, np.random.SFC64)
        ],
        "epoch": 3,
        "losses": [0.1, math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308],
        "shape": (1, (2, [3, ()]), []),
        "settings": {"name": "∂ \ud800 \0 \n", "amsgrad": False, "none": None, "": {}},
        "scalars": [np.float64(0.1), np.float32(0.1), np.float16(1), np.int8(-1), np.bool_(True)],
        "large": [2**127 + 1, -(2**127), 10**4000],
    }
    mt.save(path, checkpoint)
    assert same(mt.load(path), checkpoint)
    assert not any(nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)).load_state_dict(
        mt.load(path)["model"]
    ))  # fmt: skip
    optimizer.load_state_dict(mt.load(path)["optimizer"])


def test_arrays_of_a_checkpoint_are_under_dotted_paths(path: str) -> None:
    mt.save(path, {"model": {"0.weight": np.ones(2)}, "state": [{3: np.zeros(1)}], "epoch": 1})
    assert set(header(path)) == {"__metadata__", "model.0.weight", "state.0.3"}
    assert list(header(path)["__metadata__"]) == ["microtensor"]


@pytest.mark.parametrize(
    "structure",
    [
        {},
        {"a.b": np.zeros(1), "a": {"b": np.ones(1), "b'": np.ones(2)}},
        {1: np.zeros(1), "1": np.ones(1), None: np.ones(2), False: 1, 0.5: 2, -1: 3},
        {math.inf: 1, -math.inf: 2},
        {"": np.zeros(1)},
        {"": {"": np.zeros(1)}},
        {"__metadata__": np.zeros(1)},
        {"\ud800": np.zeros(1)},
        {"\ud800": np.zeros(1), "\\ud800": np.ones(1)},
        {"dict": [["a", {"array": "b"}]], "float": "nan", "tuple": []},
        {"é\n\0": np.zeros(1)},
        {"scalar": np.float32(2), "array": np.array(2, np.float32)},
    ],
)
def test_keys_never_collide(path: str, structure: dict[Any, Any]) -> None:
    mt.save(path, structure)
    assert same(mt.load(path), structure)


def test_subclasses_come_back_as_what_they_are_of(path: str) -> None:
    mt.save(path, OrderedDict(a=OrderedDict(b=1), c=Point(1, 2)))
    assert same(mt.load(path), {"a": {"b": 1}, "c": (1, 2)})


_numbers = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text())
_arrays = hnp.arrays(
    st.sampled_from([np.dtype(name) for name in NAMES.split()]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
)
_structures = st.recursive(
    st.one_of(_numbers, _arrays, _arrays.filter(np.size).map(lambda a: a.flat[0])),
    lambda inner: st.one_of(
        st.lists(inner), st.lists(inner).map(tuple), st.dictionaries(_numbers, inner)
    ),
    max_leaves=6,
)


@given(st.dictionaries(_numbers, _structures))
def test_any_structure_comes_back_as_it_was(tmp_path_factory: Any, structure: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    mt.save(path, structure)
    names = safetensors.numpy.load_file(path)
    loaded = mt.load(path)
    if "__metadata__" in header(str(path)):
        assert same(loaded, structure)
    else:
        assert same(loaded, {name: structure[name] for name in loaded})
        assert loaded.keys() == structure.keys() == names.keys()


# What cannot be saved


class Odd:
    pass


_cycle: list[Any] = []
_cycle.append(_cycle)


@pytest.mark.parametrize(
    ("structure", "message"),
    [
        (nn.Linear(1, 1), r"save\(\) takes a dict, and got a Linear: give its state_dict\(\)"),
        (nn.Linear, r"the class Linear: give the state_dict\(\) of an instance"),
        (np.ones(1), "takes a dict, and got a ndarray"),
        ([1], "takes a dict, and got a list"),
        ({"model": nn.Linear(1, 1)}, r"state_dict\['model'\] is a Linear.*: give its state_dict"),
        (
            {"all": [{"o": optim.SGD([mt.tensor(1.0)])}]},
            r"state_dict\['all'\]\[0\]\['o'\] is a SGD.*: give its state_dict\(\)",
        ),
        ({"rng": np.random.default_rng()}, "is a Generator.*: give its bit_generator.state"),
        ({"rng": np.random.PCG64()}, "is a PCG64.*: give its state"),
        ({"f": len}, "is a builtin_function_or_method.*made of"),
        ({"o": Odd()}, "is a Odd, which cannot be saved: give arrays, numbers"),
        ({"o": {1, 2}}, "is a set.*sorted list"),
        ({"o": b"bytes"}, "is a bytes"),
        ({"o": 1j}, "is a complex"),
        ({"o": np.dtype("f4")}, "give its name"),
        ({"o": np.str_("a")}, "is a str_.*plain value"),
        ({"o": np.ones(1, "c8")}, r"state_dict\['o'\] has dtype complex64"),
        ({"o": np.float32(1) * 1j}, "has dtype complex"),
        ({"o": np.array(["a"])}, "has dtype <U1"),
        ({"o": np.array([None])}, "has dtype object"),
        ({"o": np.zeros(1, "M8[s]")}, "has dtype datetime64"),
        ({"o": np.zeros(1, [("x", "f4")])}, "has dtype"),
        ({"o": np.ma.masked_array([1.0], [True])}, "masked array"),
        ({"a": {(1, 2): 3}}, r"A key of state_dict\['a'\] is \(1, 2\), a tuple"),
        ({np.int64(1): 3}, "A key of state_dict is np.int64"),
        ({"a": _cycle}, "nested more than 50 deep, or contains itself"),
        ({"a": 10**5000}, r"state_dict\['a'\] cannot be saved: Exceeds the limit"),
    ],
)
def test_what_cannot_be_saved_is_named(path: str, structure: Any, message: str) -> None:
    with pytest.raises(SerializationError, match=message):
        mt.save(path, structure)
    assert not os.path.exists(path)


@pytest.mark.skipif(np.dtype("g").itemsize == 8, reason="no longer float here")
def test_longer_floats_are_refused(path: str) -> None:
    with pytest.raises(SerializationError, match="at most 64 bits"):
        mt.save(path, {"o": np.ones(1, "g")})


def test_torchs_order_of_arguments_is_refused() -> None:
    with pytest.raises(SerializationError, match=r"the path first.*write mt\.save\(path"):
        mt.save({"a": np.ones(1)}, "a.safetensors")


def test_more_than_a_header_can_hold_is_refused(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("microtensor.serialization.contents.LONGEST_HEADER", 1000)
    with pytest.raises(SerializationError, match="make arrays of long lists"):
        mt.save(path, {"losses": [0.1] * 1000})


def test_what_fails_leaves_the_earlier_file(path: str) -> None:
    mt.save(path, {"a": np.ones(1)})
    with pytest.raises(SerializationError):
        mt.save(path, {"a": np.zeros(1), "b": Odd()})
    assert mt.load(path)["a"] == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "plain"])
def test_killed_at_any_moment_the_old_or_the_new_file_is_there(tmp_path: Path, whole: bool) -> None:
    script = [sys.executable, "-m", "tests.killing", str(tmp_path), "40"]
    script += ["--plain"] * (not whole)
    root = Path(__file__).parents[1]
    ran = subprocess.run(script, capture_output=True, check=True, cwd=root)
    found = json.loads(ran.stdout)
    if whole:
        assert (found["whole"], found["broken"], found["left"]) == (40, 0, 0)
        assert found["most_strays"] <= 1
        assert found["changed"] > 5, "the processes were killed before they saved"
    else:
        assert found["broken"], "files that are not written whole look whole: this tests nothing"


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="there is no folder"):
        mt.save(tmp_path / "missing" / "a", {})


def test_saving_is_no_part_of_a_program(path: str) -> None:
    def f(x: Any) -> Any:
        mt.save(path, {"x": 1})
        return x

    with pytest.raises(TracingError, match="outside of the function"):
        mt.trace(f, np.ones(1))


def test_without_safetensors(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(path).write_bytes(struct.pack("<Q", 2) + b"{}")
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    for use in (lambda: mt.save(path, {}), lambda: mt.load(path)):
        with pytest.raises(MissingDependencyError, match=r"pip install 'microtensor\[io\]'"):
            use()


# Files from elsewhere


def written(path: str, head: Any, data: bytes = b"", **metadata: str) -> str:
    """Write a file with a header that is given as text or as what the text would say."""
    if isinstance(head, dict):
        head = json.dumps({**head, **({"__metadata__": metadata} if metadata else {})})
    raw = head.encode() if isinstance(head, str) else head
    Path(path).write_bytes(struct.pack("<Q", len(raw)) + raw + data)
    return path


def one(dtype: str, shape: Any, end: int, begin: int = 0) -> dict[str, Any]:
    return {"x": {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}}


def test_metadata_of_others_are_no_hindrance(path: str) -> None:
    written(path, one("F32", [1], 4), b"\0\0\x80?", format="pt")
    assert same(mt.load(path), {"x": np.ones(1, "f4")})


def test_bfloat16_becomes_float32(path: str) -> None:
    values = np.array([1.0, -2.5, np.inf, 2.0**-126, 3.140625], np.float32)
    halves = (values.view(np.uint32) >> 16).astype("<u2").tobytes()
    assert same(mt.load(written(path, one("BF16", [5], 10), halves))["x"], values)
    loaded = mt.load(written(path, one("BF16", [], 2), halves[2:4]))["x"]
    assert same(loaded, np.array(-2.5, np.float32))


def test_booleans_of_any_byte_are_booleans(path: str) -> None:
    loaded = mt.load(written(path, one("BOOL", [4], 4), b"\0\1\2\xff"))["x"]
    assert loaded.tobytes() == b"\0\1\1\1"
    assert same(mt.load(written(path, one("BOOL", [], 1), b"\7"))["x"], np.array(True))


@pytest.mark.parametrize(("dtype", "size"), [("F8_E4M3", 2), ("F8_E5M2", 2), ("C64", 16)])
def test_dtypes_that_numpy_or_tensors_lack_are_named(path: str, dtype: str, size: int) -> None:
    written(path, one(dtype, [2], size), b"\0" * size)
    with pytest.raises(FileFormatError, match=f"the tensor 'x' has dtype {dtype}.*convert"):
        mt.load(path)


# What is no such file


def tree(structure: Any, version: Any = 1) -> str:
    return json.dumps({"version": version, "structure": structure})


ONE = one("F32", [1], 4)
HOSTILE: dict[str, tuple[Any, bytes, dict[str, str], str]] = {
    "overlapping": (
        {**ONE, "y": {"dtype": "F32", "shape": [1], "data_offsets": [2, 6]}},
        b"123456", {}, "invalid offset",
    ),
    "a gap": (one("F32", [1], 8, 4), b"12345678", {}, "invalid offset"),
    "beyond the end": (one("F32", [1 << 40], 1 << 42), b"1234", {}, "not fully covered"),
    "more than said": (ONE, b"12345", {}, "not fully covered"),
    "less than said": (ONE, b"123", {}, "not fully covered"),
    "another shape": (one("F32", [2], 4), b"1234", {}, "shape"),
    "a negative shape": (one("F32", [-1], 4), b"1234", {}, "JSON"),
    "a shape beyond all numbers": (one("F32", [1 << 63, 1 << 63], 4), b"1234", {}, "damaged"),
    "an empty shape that is too large": (one("F32", [0, 1 << 62, 8], 0), b"", {}, "shape"),
    "too many axes": (one("F32", [1] * 100, 4), b"1234", {}, "shape"),
    "an unknown dtype": (one("F99", [1], 4), b"1234", {}, "F99"),
    "a name twice": (
        '{"x":{"dtype":"U8","shape":[],"data_offsets":[0,1]},'
        '"x":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}',
        b"1", {}, "'x' twice",
    ),
    "nested too deeply": ('{"x":' + "[" * 100_000, b"", {}, "recursion"),
    "no JSON": ("{not JSON}", b"", {}, "JSON"),
    "no UTF-8": (b'{"\xff":1}', b"", {}, "damaged"),
    "metadata that are numbers": ('{"__metadata__":{"a":1}}', b"", {}, "expected a string"),
    "a structure that is no JSON": (ONE, b"1234", {"microtensor": "{"}, "JSON"),
    "a structure that is a list": (ONE, b"1234", {"microtensor": "[]"}, "how it is structured"),
    "a structure that is deep": (
        ONE, b"1234", {"microtensor": '{"version":1,"structure":' + "[" * 100_000}, "JSON",
    ),
    "a structure that is rather deep": (
        ONE, b"1234",
        {"microtensor": '{"version":1,"structure":' + "[" * 200 + "]" * 200 + "}"}, "deep",
    ),
    "a number without end": (
        ONE, b"1234", {"microtensor": '{"version":1,"structure":' + "9" * 100_000 + "}"}, "JSON",
    ),
    "a later version": (ONE, b"1234", {"microtensor": tree(1, 2)}, "version 2"),
    "a structure with a key twice": (
        ONE, b"1234", {"microtensor": '{"version":1,"structure":1,"version":1}'}, "twice",
    ),
}  # fmt: skip

LIES = [
    3, None, [], {}, {"dict": {}}, {"dict": [1]}, {"dict": [["a"]]}, {"dict": []},
    {"dict": [["a", {"array": "y"}]]}, {"dict": [["a", {"array": 3}]]},
    {"dict": [["a", {"array": "x"}], ["b", {"array": "x"}]]},
    {"dict": [["a", {"array": "x"}], ["a", 1]]}, {"dict": [[["a"], {"array": "x"}]]},
    {"dict": [[{"array": "x"}, 1]]}, {"dict": [["a", {"scalar": "x"}]]},
    {"dict": [["a", {"float": "1e999"}], ["b", {"array": "x"}]]},
    {"dict": [["a", {"float": 1}], ["b", {"array": "x"}]]},
    {"dict": [["a", {"tuple": 1}], ["b", {"array": "x"}]]},
    {"dict": [["a", {"module": "os"}], ["b", {"array": "x"}]]},
    {"dict": [["a", {"array": "x", "scalar": "x"}]]}, {"tuple": [{"array": "x"}]}, {"array": "x"},
]  # fmt: skip
HOSTILE |= {
    f"a structure that lies, {lie}": (ONE, b"1234", {"microtensor": tree(lie)}, "structure")
    for lie in LIES
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused(path: str, name: str) -> None:
    head, data, metadata, message = HOSTILE[name]
    with pytest.raises(FileFormatError, match=message) as caught:
        mt.load(written(path, head, data, **metadata))
    assert str(caught.value).startswith(f"{path!r} cannot be loaded: ")
    assert len(str(caught.value)) < 1000


def test_many_names_twice_take_no_time(path: str) -> None:
    entry = '"x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
    distinct = ",".join(f'"{i}"{entry[3:]}' for i in range(50_000))
    with pytest.raises(FileFormatError, match="'x' twice"):
        mt.load(written(path, "{" + distinct + f",{entry},{entry}" + "}"))


def in_memory(save: Any, array: Any) -> bytes:
    file = io.BytesIO()
    save(file, array)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "has 0 bytes, too few"),
        (b"\0" * 8, "has 8 bytes, too few"),
        (b"\0" * 100, "no safetensors file"),
        (b"\xff" * 100, "no safetensors file"),
        (struct.pack("<Q", 9999) + b"{}", "no safetensors file, or cut off"),
        (struct.pack("<Q", 1 << 62) + b"{}", r"no safetensors file\.$"),
        (pickle.dumps({"epoch": 3}), "but a pickle, as it seems"),
        (in_memory(np.savez, np.ones(3)), r"ZIP archive, as numpy\.savez and torch\.save write"),
        (in_memory(np.save, np.ones(3)), r"one of numpy\.save"),
    ],
)
def test_other_files_are_refused(path: str, data: bytes, message: str) -> None:
    Path(path).write_bytes(data)
    with pytest.raises(FileFormatError, match=message):
        mt.load(path)


def test_no_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        mt.load(tmp_path / "missing")
    with pytest.raises(IsADirectoryError):
        mt.load(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in (tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(FileFormatError, match="no regular file"):
            mt.load(name)


SAMPLE = {
    "model": {"w": np.array([1.5, -2.0], np.float32), "mask": np.array([True, False])},
    "epoch": 3,
    "lr": np.float64(0.1),
    "best": (1, [math.nan, None]),
}


def loads_or_refuses(path: str, data: bytes) -> bool:
    """Load the bytes as a file: it must be a dict, or a FileFormatError. Tell which."""
    Path(path).write_bytes(data)
    try:
        loaded = mt.load(path)
    except FileFormatError:
        return False
    return isinstance(loaded, dict) or pytest.fail(f"it loads as {loaded!r}")


@pytest.mark.parametrize("structure", [SAMPLE, SAMPLE["model"]], ids=["checkpoint", "plain"])
def test_a_file_that_is_cut_off_anywhere_is_refused(
    path: str, structure: Mapping[str, Any]
) -> None:
    mt.save(path, structure)
    data = Path(path).read_bytes()
    for length in range(len(data)):
        assert not loads_or_refuses(path, data[:length]), length
    assert loads_or_refuses(path, data)
    assert not loads_or_refuses(path, data + b"\0")


@pytest.mark.parametrize("structure", [SAMPLE, SAMPLE["model"]], ids=["checkpoint", "plain"])
def test_a_byte_that_is_damaged_loads_or_is_refused(
    path: str, structure: Mapping[str, Any]
) -> None:
    mt.save(path, structure)
    data = Path(path).read_bytes()
    refused = 0
    for i, byte in enumerate(data):
        for damaged in {byte ^ 1, byte ^ 0x80, 0, 0xFF, ord("9"), ord('"')} - {byte}:
            refused += not loads_or_refuses(path, data[:i] + bytes([damaged]) + data[i + 1 :])
    assert refused > len(data)


@given(st.data())
def test_bytes_changed_at_random_load_or_are_refused(tmp_path_factory: Any, data: Any) -> None:
    path = str(tmp_path_factory.getbasetemp() / "fuzzed.safetensors")
    mt.save(path, SAMPLE)
    content = bytearray(Path(path).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        i = data.draw(st.integers(0, len(content)))
        content[i : i + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    loads_or_refuses(path, bytes(content))


_json = st.recursive(
    _numbers | st.sampled_from(["x", "nan"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["dict", "tuple", "array", "scalar", "float", "x"]), inner, max_size=2
        )
    ),
    max_leaves=10,
)


@given(_json)
def test_any_structure_in_the_metadata_loads_or_is_refused(
    tmp_path_factory: Any, structure: Any
) -> None:
    path = str(tmp_path_factory.getbasetemp() / "lying.safetensors")
    written(path, ONE, b"1234", microtensor=tree(structure))
    loads_or_refuses(path, Path(path).read_bytes())


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_load_or_are_refused(tmp_path_factory: Any, data: bytes, begun: bool) -> None:
    path = str(tmp_path_factory.getbasetemp() / "bytes.safetensors")
    loads_or_refuses(path, struct.pack("<Q", len(data)) + b"{" + data if begun else data)
