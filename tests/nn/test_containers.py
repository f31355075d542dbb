"""ModuleList, ModuleDict, ParameterList, ParameterDict, Bilinear, Identity: as lists and dicts."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import microtensor as mt
from microtensor import nn
from microtensor.errors import DtypeError, ShapeError, TracingError


def names(module: nn.Module) -> list[str]:
    return [name for name, _ in module.named_parameters()]


def test_module_list_is_a_list() -> None:
    a, b, c = nn.ReLU(), nn.Tanh(), nn.Sigmoid()
    modules = nn.ModuleList([a])
    modules.insert(0, b)
    assert list(modules) == [b, a]
    modules.insert(-1, c)
    assert list(modules) == [b, c, a]
    assert modules.pop() is a
    assert modules.pop(0) is b
    modules += [a]
    assert list(modules) == [c, a]
    assert list(modules + nn.ModuleList([b])) == [c, a, b]
    assert len(modules) == 2
    del modules[:1]
    assert list(modules) == [a]
    assert [name for name, _ in modules.named_children()] == ["0"]
    modules.clear()
    assert len(modules) == 0
    assert len(nn.ModuleList(None)) == 0
    with pytest.raises(IndexError, match="0 modules"):
        modules.pop()
    with pytest.raises(TypeError, match="holds modules, and got 3"):
        modules.insert(0, 3)


def test_sequential_takes_and_gives_modules() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4))
    model.insert(1, nn.ReLU())
    assert names(model) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert model(np.ones((5, 2))).shape == (5, 4)
    assert isinstance(model + nn.Sequential(nn.Tanh()), nn.Sequential)
    assert len(model) == 3


def test_module_dict_is_a_dict() -> None:
    a, b = nn.ReLU(), nn.Linear(1, 1)
    modules = nn.ModuleDict([("a", a)])
    modules.update([("b", b)])
    assert names(modules) == ["b.weight", "b.bias"]
    assert modules.pop("a") is a
    assert list(modules.items()) == [("b", b)]
    with pytest.raises(KeyError):
        modules.pop("a")
    with pytest.raises(KeyError):
        del modules["forward"]
    modules.clear()
    assert len(modules) == 0


def test_a_program_notices_what_is_taken_out() -> None:
    layers = nn.ModuleDict({"scale": nn.Linear(1, 1, bias=False)})

    @mt.compile
    def function(x: mt.Tensor) -> mt.Tensor:
        return layers["scale"](x) if "scale" in layers else x

    x = mt.tensor([[2.0]])
    layers["scale"].weight.data[...] = 3.0
    assert function(x).item() == 6.0
    del layers["scale"]
    assert function(x).item() == 2.0


def test_parameter_list() -> None:
    values = nn.ParameterList([np.ones(2), nn.Parameter([3.0])])
    values.append(mt.tensor([4.0, 5.0, 6.0]))
    values += [[7.0]]
    assert names(values) == ["0", "1", "2", "3"]
    assert [p.shape for p in values] == [(2,), (1,), (3,), (1,)]
    assert isinstance(values[-1], nn.Parameter)
    assert len(values[1:3]) == 2
    values[0] = [9.0]
    assert values[0].tolist() == [9.0]
    values[1].sum().backward()
    assert values[1].grad.tolist() == [1.0]
    with pytest.raises(IndexError, match="4 parameters, and none at 7"):
        values[7]
    with pytest.raises(TypeError, match="put it into a list"):
        values.extend(mt.tensor([1.0]))
    with pytest.raises(RuntimeError, match="computes nothing"):
        values()


def test_parameter_dict() -> None:
    values = nn.ParameterDict({"a": [1.0]})
    values.update([("b", [2.0, 3.0])])
    values["c"] = nn.Parameter([[4.0]])
    assert names(values) == list(values) == list(values.keys()) == ["a", "b", "c"]
    assert values.pop("a").tolist() == [1.0]
    assert "a" not in values
    assert values.get("a") is None
    assert [p.shape for p in values.values()] == [(2,), (1, 1)]
    assert [name for name, _ in values.items()] == ["b", "c"]
    assert repr(values) == "ParameterDict(\n  (b): float64 (2,)\n  (c): float64 (1, 1)\n)"
    del values["b"]
    values.clear()
    assert len(values) == 0
    assert repr(values) == "ParameterDict()"


def test_identity_takes_any_arguments() -> None:
    x = mt.tensor([1.0])
    assert nn.Identity(54, unused=True)(x) is x


@pytest.mark.parametrize("shape", [(), (4,), (2, 4)])
def test_bilinear(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    layer = nn.Bilinear(3, 2, 5, generator=rng)
    x, y = rng.normal(size=(*shape, 3)), rng.normal(size=(*shape, 2))
    w, b = layer.weight.data, layer.bias.data
    expected = np.zeros((*shape, 5))
    for index in np.ndindex(*shape):
        for k in range(5):
            expected[(*index, k)] = x[index] @ w[k] @ y[index] + b[k]
    assert np.allclose(layer(x, y).data, expected)
    inputs = [mt.tensor(v, requires_grad=True) for v in (x, y, w, b)]
    assert mt.autograd.gradcheck(nn.functional.bilinear, inputs)
    assert mt.autograd.gradgradcheck(nn.functional.bilinear, inputs)


def test_bilinear_begins_as_pytorchs_and_refuses_what_does_not_fit() -> None:
    layer = nn.Bilinear(100, 20, 30, generator=np.random.default_rng(0))
    assert 0.099 < np.abs(layer.weight.data).max() <= 0.1
    assert np.abs(layer.bias.data).max() <= 0.1
    with pytest.raises(ShapeError, match=r"\(4, 3\), \(4, 3\) and \(5, 3, 2\)"):
        nn.Bilinear(3, 2, 5)(np.ones((4, 3)), np.ones((4, 3)))
    with pytest.raises(ShapeError, match="in1_features=0"):
        nn.Bilinear(0, 2, 5)
    with pytest.raises(ShapeError, match="out_features=-5"):
        nn.Bilinear(3, 2, -5)
    assert nn.Bilinear(3, 2, 5, bias=False).bias is None


def model() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Sequential(nn.Linear(4, 1)))


def test_parts_by_their_paths() -> None:
    network = model()
    assert network.get_submodule("") is network
    assert network.get_submodule("2.0") is network[2][0]
    assert network.get_parameter("2.0.weight") is network[2][0].weight
    assert network.get_buffer("1.running_var") is network[1].running_var
    with pytest.raises(AttributeError, match=r"no module '2\.5': 2 has '0'"):
        network.get_submodule("2.5")
    with pytest.raises(AttributeError, match="no module 'weight': it has '0', '1', '2'"):
        network.get_submodule("weight")
    with pytest.raises(AttributeError, match=r"no parameter '1\.running_var': 1 has 'weight'"):
        network.get_parameter("1.running_var")
    with pytest.raises(AttributeError, match=r"no buffer '1\.weight': 1 has 'running_mean'"):
        network.get_buffer("1.weight")
    with pytest.raises(AttributeError, match=r"no buffer '0\.x': 0 has none"):
        network.get_buffer("0.x")


def test_conversion_to_another_dtype() -> None:
    network = model()
    parameters = list(network.parameters())
    network(np.ones((2, 3))).sum().backward()
    assert network.float() is network
    assert list(network.parameters()) == parameters
    assert all(p.dtype == p.grad.dtype == np.float32 for p in parameters)
    assert network[1].running_mean.dtype == np.float32
    assert network[1].num_batches_tracked.dtype == np.int64
    out = network(np.ones((2, 3), np.float32))
    assert out.dtype == np.float32
    out.sum().backward()
    assert network.half()[0].weight.dtype == np.float16
    assert network.double()[0].weight.dtype == np.float64
    assert network.to("f4")[0].weight.dtype == np.float32
    with pytest.raises(DtypeError, match="'cuda'"):
        network.to("cuda")
    with pytest.raises(DtypeError, match="int64"):
        network.to(int)


def test_a_program_notices_a_conversion() -> None:
    network = nn.Linear(2, 1)
    compiled = mt.compile(lambda x: network(x))
    x = np.ones((1, 2), np.float32)
    assert compiled(x).dtype == np.float64
    network.float()
    assert compiled(x).dtype == np.float32
    with pytest.raises(TracingError, match="would become float64"):
        mt.trace(lambda x: network.double()(x), x)


def test_a_copy_of_a_model_is_its_own() -> None:
    network = model()
    twin = copy.deepcopy(network)
    network(np.arange(6.0).reshape(2, 3))
    assert twin[1].num_batches_tracked.item() == 0
    assert not twin[1].running_mean.data.any()
    assert twin[0].weight is not network[0].weight
    twin[0].weight.data[...] = 0.0
    assert network[0].weight.data.any()


def test_a_buffer_that_is_deleted_is_gone() -> None:
    layer = nn.BatchNorm1d(2)
    del layer.num_batches_tracked
    assert list(layer.state_dict()) == ["weight", "bias", "running_mean", "running_var"]
