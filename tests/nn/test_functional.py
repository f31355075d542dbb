"""The functional interface: one function for each module that computes, with the same result."""

import numpy as np
import pytest

import microtensor as mt
import microtensor.nn.functional as F
from microtensor import nn

rng = np.random.default_rng(0)
X = rng.normal(size=(4, 3))
P, Q = rng.uniform(0.1, 0.9, size=(2, 4, 3))
CLASSES = np.array([0, 2, 1, 1])


@pytest.mark.parametrize(
    ("module", "function", "arguments"),
    [
        (nn.Sigmoid(), F.sigmoid, (X,)),
        (nn.Tanh(), F.tanh, (X,)),
        (nn.ReLU(), F.relu, (X,)),
        (nn.Softplus(), F.softplus, (X,)),
        (nn.Softmax(dim=1), lambda x: F.softmax(x, 1), (X,)),
        (nn.LogSoftmax(dim=0), lambda x: F.log_softmax(x, dim=0), (X,)),
        (nn.Flatten(0), F.flatten, (X,)),
        (nn.SSELoss(), F.sse_loss, (X, Q)),
        (nn.MSELoss(), F.mse_loss, (X, Q)),
        (nn.L1Loss(), F.l1_loss, (X, Q)),
        (nn.BCELoss(), F.binary_cross_entropy, (P, Q)),
        (nn.BCEWithLogitsLoss(), F.binary_cross_entropy_with_logits, (X, Q)),
        (nn.CrossEntropyLoss(), F.cross_entropy, (X, CLASSES)),
        (nn.NLLLoss(), F.nll_loss, (X, CLASSES)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_module_and_function_agree(module, function, arguments):
    tensors = [mt.tensor(a) for a in arguments]
    assert np.array_equal(module(*tensors).data, function(*tensors).data)


def test_linear():
    layer = nn.Linear(3, 2)
    x = mt.tensor(X)
    assert np.array_equal(layer(x).data, F.linear(x, layer.weight, layer.bias).data)
    unbiased = F.linear(x, layer.weight)
    assert np.allclose(unbiased.data + layer.bias.data, layer(x).data)


def test_arrays_give_tensors_where_parameters_or_losses_are():
    assert isinstance(F.linear(X, np.ones((2, 3)), np.ones(2)), mt.Tensor)
    assert isinstance(F.linear(X, np.ones((2, 3))), mt.Tensor)
    assert isinstance(F.mse_loss(X, Q), mt.Tensor)
    assert isinstance(F.softmax(X, dim=0), mt.Tensor)


def test_everything_is_listed():
    for name in F.__all__:
        assert callable(getattr(F, name))
