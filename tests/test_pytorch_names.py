"""Names of PyTorch that are not here: what the errors say to write instead works."""

import copy
import pickle

import numpy as np
import pytest

import microtensor as mt
import microtensor.nn.functional as F
from microtensor import nn
from microtensor.errors import ShapeError, UnsupportedError
from microtensor.pytorch_names import _MADE_BY_NUMPY, _OF_A_TENSOR, _OF_THE_MODULE


def matrix():
    return mt.tensor([[1.0, -2.0], [3.0, 4.0]], requires_grad=True)


@pytest.mark.parametrize("name", _OF_A_TENSOR)
def test_what_a_tensor_is_said_to_have_instead(name):
    with pytest.raises(AttributeError, match=f"'Tensor' object has no attribute '{name}': ") as e:
        getattr(matrix(), name)
    hint = str(e.value).partition(": ")[2]
    if not hint.startswith("write "):
        assert hint == "there are no devices: leave it out."
        return
    code = hint.removeprefix("write ").rstrip(".").partition(";")[0].partition(", which")[0]
    t = matrix()
    given = {
        "t": t, "mt": mt, "np": np, "F": F, "other": t, "min": 0, "max": 1, "shape": (1, 2, 2),
        "index": np.zeros((2, 2), int), "axis": 0, "mask": t > 0, "value": 0.0, "axes": (1, 0),
        "dtype": np.float32, "dim": 1,
    }  # fmt: skip
    given["shape"] = (4,) if name == "view" else given["shape"]
    exec(code, given)


@pytest.mark.parametrize("name", [*_OF_THE_MODULE, *_MADE_BY_NUMPY, "float32", "long"])
def test_what_the_module_is_said_to_have_instead(name):
    with pytest.raises(AttributeError, match=f"module 'microtensor' has no attribute '{name}': "):
        getattr(mt, name)


def test_functions_of_numpy_and_changes_in_place_are_named():
    with pytest.raises(AttributeError, match=r"'exp': write np\.exp\(t\)\.$"):
        _ = matrix().exp
    with pytest.raises(AttributeError, match=r"'zero_': change it in place under mt\.no_grad\(\)"):
        matrix().zero_()
    with pytest.raises(AttributeError, match=r"'Parameter' object has no attribute 'nonsense'$"):
        _ = nn.Parameter([1.0]).nonsense


def test_axes_as_pytorch_takes_them_are_not_taken_for_numpys():
    t = mt.tensor(np.zeros((2, 3, 4)))
    with pytest.raises(UnsupportedError, match=r"F\.flatten\(t, 1\)"):
        t.flatten(1)
    with pytest.raises(UnsupportedError, match=r"F\.flatten\(t, 1\)"):
        t.flatten(start_dim=1)
    assert F.flatten(t, 1).shape == (2, 12)
    with pytest.raises(ShapeError, match=r"all 3 axes.*t\.swapaxes\(1, 2\)"):
        t.transpose(1, 2)
    assert t.swapaxes(1, 2).shape == (2, 4, 3)


def test_copies_and_look_ups_go_on_as_before():
    t = matrix()
    assert copy.deepcopy(t).tolist() == copy.copy(t).tolist() == t.tolist()
    assert pickle.loads(pickle.dumps(t)).tolist() == t.tolist()
    assert not hasattr(t, "_anything")
    assert getattr(t, "view", None) is None
