"""Modules: what is found in them, saved, loaded, printed."""

import copy
import gc
import pickle

import numpy as np
import pytest

import microtensor as mt
from microtensor import nn
from microtensor.errors import ArgumentError, InPlaceError, MicrotensorError, StateDictError


class Block(nn.Module):
    def __init__(self):
        self.inner = nn.Linear(3, 2)
        self.scale = nn.Parameter([2.0])

    def forward(self, x):
        return self.inner(x) * self.scale


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([Block(), nn.Linear(2, 1, bias=False)])
        self.shift = nn.Parameter([1.0])
        self.register_buffer("mean", np.array([5.0, 6.0]))
        self.register_buffer("count", [0.0], persistent=False)
        self.size = 3

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x + self.shift


NAMES = [
    "shift",
    "layers.0.scale",
    "layers.0.inner.weight",
    "layers.0.inner.bias",
    "layers.1.weight",
]


@pytest.fixture
def network():
    return Network()


class TestFinding:
    def test_parameters_are_named_by_their_paths_parents_first(self, network):
        assert [name for name, _ in network.named_parameters()] == NAMES
        assert [p.shape for p in network.parameters()] == [(1,), (1,), (2, 3), (2,), (1, 2)]

    def test_prefix_and_recurse(self, network):
        assert [name for name, _ in network.named_parameters("net", recurse=False)] == ["net.shift"]
        assert next(network.named_parameters("net"))[0] == "net.shift"
        assert list(network.parameters(recurse=False)) == [network.shift]

    def test_modules_and_children(self, network):
        paths = [path for path, _ in network.named_modules()]
        assert paths == ["", "layers", "layers.0", "layers.0.inner", "layers.1"]
        assert next(network.modules()) is network
        assert [name for name, _ in network.named_children()] == ["layers"]
        assert list(network.children()) == [network.layers]

    def test_what_is_shared_is_yielded_once(self):
        relu, linear = nn.ReLU(), nn.Linear(2, 2)
        model = nn.Sequential(linear, relu, linear, relu)
        assert len(list(model.children())) == 2
        assert len(list(model.modules())) == 3
        assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias"]
        every = [name for name, _ in model.named_parameters(remove_duplicate=False)]
        assert every == ["0.weight", "0.bias", "2.weight", "2.bias"]

    def test_a_parameter_with_two_names_is_yielded_once(self):
        encoder, decoder = nn.Linear(2, 3, bias=False), nn.Linear(3, 2, bias=False)
        decoder.tied = encoder.weight
        model = nn.Sequential(encoder, decoder)
        assert [name for name, _ in model.named_parameters()] == ["0.weight", "1.weight"]

    def test_buffers(self, network):
        assert [name for name, _ in network.named_buffers("net")] == ["net.mean", "net.count"]
        assert all(isinstance(buffer, mt.Tensor) for buffer in network.buffers())
        network.mean = None
        assert len(list(network.buffers())) == 1

    def test_super_init_may_be_forgotten(self):
        assert len(list(Block().parameters())) == 3

    def test_a_plain_list_of_modules_warns(self):
        module = nn.Module()
        with pytest.warns(UserWarning, match=r"Module\.layers is a plain list.*ModuleList"):
            module.layers = [nn.Linear(1, 1)]
        with pytest.warns(UserWarning, match="plain dict"):
            module.by_name = {"a": nn.Linear(1, 1)}
        module.sizes = [1, 2]

    def test_a_plain_list_that_is_replaced_warns(self):
        module = nn.Module()
        module.layers = []
        with pytest.warns(UserWarning, match=r"Module\.layers is a plain list"):
            module.layers = [nn.Linear(1, 1)]

    def test_add_module_and_register_parameter(self):
        module = nn.Module()
        module.add_module("child", nn.Linear(1, 1))
        module.register_parameter("free", nn.Parameter([1.0]))
        module.register_parameter("unused", None)
        assert [name for name, _ in module.named_parameters()] == [
            "free",
            "child.weight",
            "child.bias",
        ]
        assert module.unused is None
        with pytest.raises(KeyError, match="dot"):
            module.add_module("a.b", nn.ReLU())
        with pytest.raises(KeyError, match="'forward' already"):
            module.add_module("forward", nn.ReLU())
        with pytest.raises(TypeError, match=r"write ReLU\(\)"):
            module.add_module("relu", nn.ReLU)
        with pytest.raises(TypeError, match=r"nn\.Parameter is needed"):
            module.register_parameter("array", np.ones(2))


class TestAssigning:
    def test_a_parameter_is_replaced_by_a_parameter_or_none_only(self):
        linear = nn.Linear(2, 1)
        for value in (np.ones((1, 2)), mt.tensor([[1.0, 2.0]]), 3.0):
            with pytest.raises(TypeError, match="'weight' of Linear cannot become a"):
                linear.weight = value
        linear.weight = replacement = nn.Parameter([[1.0, 2.0]])
        assert linear.weight is replacement
        linear.bias = None
        assert [name for name, _ in linear.named_parameters()] == ["weight"]

    def test_an_update_that_forgets_no_grad_raises(self):
        linear = nn.Linear(2, 1)
        with pytest.raises(TypeError, match="under no_grad"):
            linear.weight = linear.weight - 0.1
        with pytest.raises(InPlaceError):
            linear.weight -= 0.1
        before = linear.weight.data.copy()
        with mt.no_grad():
            linear.weight -= 0.1
        assert np.array_equal(linear.weight.data, before - 0.1)

    def test_a_child_is_replaced_by_a_module_or_none_only(self, network):
        with pytest.raises(TypeError, match="'layers' of Network cannot become a int"):
            network.layers = 3
        network.layers = None
        assert [name for name, _ in network.named_parameters()] == ["shift"]

    def test_a_module_cannot_contain_itself(self, network):
        block = network.layers[0]
        with pytest.raises(
            ArgumentError, match=r"Block\.net .*: net\.layers\.0 would be the module"
        ):
            block.net = network
        with pytest.raises(ArgumentError, match=r"Linear\.me .* contains this Linear: me would be"):
            block.inner.me = block.inner
        assert list(network.state_dict()) == ["shift", "mean", *NAMES[1:]]

    def test_a_buffer_stays_a_tensor(self, network):
        with pytest.raises(TypeError, match="buffer 'mean'"):
            network.mean = np.ones(2)
        network.mean = mt.tensor([1.0, 2.0])
        assert network.state_dict()["mean"].tolist() == [1.0, 2.0]


class TestCalling:
    def test_call_is_forward(self, network):
        x = np.array([[1.0, 2.0, 3.0]])
        inner, last = network.layers[0].inner, network.layers[1]
        hidden = (x @ inner.weight.data.T + inner.bias.data) * 2.0
        expected = hidden @ last.weight.data.T + 1.0
        assert np.allclose(network(x).data, expected, rtol=1e-14)

    def test_a_module_without_forward_says_so(self):
        class Empty(nn.Module):
            pass

        with pytest.raises(NotImplementedError, match="Empty has no forward"):
            Empty()(1)

    def test_keyword_arguments(self):
        class Add(nn.Module):
            def forward(self, x, *, y):
                return x + y

        assert Add()(1, y=2) == 3


class TestSettings:
    def test_train_and_eval_go_down(self, network):
        assert network.training
        assert network.eval() is network
        assert not any(module.training for module in network.modules())
        network.train()
        assert all(module.training for module in network.modules())

    def test_zero_grad(self, network):
        network(np.ones((2, 3))).sum().backward()
        assert all(p.grad is not None for p in network.parameters())
        network.zero_grad(set_to_none=False)
        assert all(not p.grad.data.any() for p in network.parameters())
        network.zero_grad()
        assert all(p.grad is None for p in network.parameters())
        network.zero_grad(set_to_none=False)
        assert all(p.grad is None for p in network.parameters())

    def test_requires_grad_freezes(self, network):
        assert network.layers.requires_grad_(False) is network.layers
        network(np.ones((2, 3))).sum().backward()
        trained = [name for name, p in network.named_parameters() if p.grad is not None]
        assert trained == ["shift"]

    def test_apply_visits_children_first(self, network):
        seen = []
        assert network.apply(lambda module: seen.append(type(module).__name__)) is network
        assert seen == ["Linear", "Block", "Linear", "ModuleList", "Network"]


class TestStateDict:
    def test_names_and_values(self, network):
        state = network.state_dict()
        expected = ["shift", "mean", *NAMES[1:]]
        assert list(state) == expected
        assert all(type(array) is np.ndarray for array in state.values())
        assert state["mean"].tolist() == [5.0, 6.0]

    def test_it_holds_copies(self, network):
        state = network.state_dict()
        with mt.no_grad():
            network.shift += 10.0
        assert state["shift"].tolist() == [1.0]
        state["shift"][0] = 7.0
        assert network.shift.tolist() == [11.0]

    def test_what_is_shared_is_there_under_each_name(self):
        linear = nn.Linear(2, 2, bias=False)
        assert list(nn.Sequential(linear, linear).state_dict()) == ["0.weight", "1.weight"]

    def test_round_trip(self, network):
        other = Network()
        assert other.load_state_dict(network.state_dict()) == ([], [])
        x = np.ones((2, 3))
        assert np.array_equal(other(x).data, network(x).data)

    def test_tensors_and_lists_are_taken_and_the_dtype_is_kept(self):
        linear = nn.Linear(2, 1, dtype=np.float32)
        weight = linear.weight
        linear.load_state_dict({"weight": mt.tensor([[1, 2]]), "bias": [0.5]})
        assert linear.weight is weight
        assert weight.dtype == np.float32
        assert weight.tolist() == [[1.0, 2.0]]

    def test_all_problems_are_listed_and_nothing_is_loaded(self, network):
        before = network.state_dict()
        state = network.state_dict()
        state["shift"] = np.array([9.0])
        state["layers.0.inner.weight"] = np.ones((3, 2))
        state["layers.0.inner.bias"] = ["a", "b"]
        del state["layers.1.weight"], state["mean"]
        state["extra"] = state["more"] = np.ones(1)
        with pytest.raises(StateDictError) as caught:
            network.load_state_dict(state)
        text = str(caught.value)
        assert "does not fit Network" in text
        assert "missing: mean, layers.1.weight" in text
        assert "unexpected: extra, more" in text
        assert "layers.0.inner.weight: has shape (3, 2), and needs (2, 3)" in text
        assert "layers.0.inner.bias" in text
        for name, array in network.state_dict().items():
            assert np.array_equal(array, before[name])

    def test_not_strict_loads_what_fits_but_no_other_shape(self, network):
        result = network.load_state_dict({"shift": [4.0], "extra": 1.0}, strict=False)
        assert network.shift.tolist() == [4.0]
        assert result.unexpected_keys == ["extra"]
        assert result.missing_keys == ["mean", *NAMES[1:]]
        with pytest.raises(StateDictError, match="shape"):
            network.load_state_dict({"shift": [[4.0]]}, strict=False)

    def test_parameters_can_be_swapped(self):
        module = nn.Module()
        module.x, module.y = nn.Parameter([1.0]), nn.Parameter([2.0])
        module.load_state_dict({"x": module.y, "y": module.x})
        assert (module.x.item(), module.y.item()) == (2.0, 1.0)

    @pytest.mark.parametrize("buffer", [np.array([3]), np.array([3], np.uint8), np.array([True])])
    def test_a_buffer_of_integers_cuts_nothing_off(self, buffer):
        module = nn.Module()
        module.register_buffer("count", buffer)
        for value in ([1.9], [np.nan], [300.5]):
            with pytest.raises(StateDictError, match=f"count: its float64 .* {buffer.dtype}"):
                module.load_state_dict({"count": value})
        assert module.count.tolist() == buffer.tolist()
        module.load_state_dict({"count": [1.0]})
        assert module.count.tolist() == [1]
        assert module.count.dtype == buffer.dtype

    @pytest.mark.parametrize("nothing", [[1], None, nn.Linear(1, 1)], ids=repr)
    def test_what_is_no_dict_raises(self, nothing):
        with pytest.raises(TypeError, match=f"got a {type(nothing).__name__}"):
            nn.Linear(1, 1).load_state_dict(nothing)

    def test_names_that_are_no_strings_are_unexpected(self):
        with pytest.raises(StateDictError, match="unexpected: 1"):
            nn.ReLU().load_state_dict({1: [2.0]})

    def test_a_graph_of_the_old_weights_raises(self):
        model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
        loss = model(np.ones((1, 2))).sum()
        model.load_state_dict(model.state_dict())
        with pytest.raises(InPlaceError, match="changed in place"):
            loss.backward()


class TestParameter:
    def test_it_is_a_tensor_that_requires_a_gradient(self):
        p = nn.Parameter([1, 2.5])
        assert isinstance(p, mt.Tensor)
        assert p.requires_grad
        assert p.is_leaf
        assert not nn.Parameter([1.0], requires_grad=False).requires_grad
        assert type(p * 2) is mt.Tensor

    def test_it_copies(self):
        data = np.ones(2)
        tensor = mt.tensor(data, requires_grad=True)
        p, q = nn.Parameter(data), nn.Parameter(tensor)
        with mt.no_grad():
            p += 1.0
            q += 1.0
        assert data.tolist() == tensor.tolist() == [1.0, 1.0]

    def test_integers_raise(self):
        with pytest.raises(MicrotensorError, match="int64"):
            nn.Parameter([1, 2])

    @pytest.mark.parametrize("requires_grad", [True, False])
    def test_a_copy_is_a_parameter(self, requires_grad):
        p = nn.Parameter([1.0], requires_grad)
        q = copy.copy(p)
        assert type(q) is nn.Parameter
        assert q.is_leaf
        assert q.requires_grad == requires_grad
        assert q.tolist() == [1.0]
        assert not np.shares_memory(p.data, q.data)

    @pytest.mark.parametrize("clone", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
    def test_modules_are_copied_and_pickled(self, network, clone):
        network(np.ones((2, 3))).sum().backward()
        other = clone(network)
        for (name, p), (other_name, q) in zip(
            network.named_parameters(), other.named_parameters(), strict=True
        ):
            assert name == other_name
            assert type(q) is nn.Parameter
            assert q.requires_grad
            assert np.array_equal(p.data, q.data)
            assert not np.shares_memory(p.data, q.data)
        with mt.no_grad():
            other.shift += 1.0
        assert network.shift.tolist() == [1.0]

    def test_repr(self):
        assert (
            repr(nn.Parameter([1.0])) == "Parameter containing:\ntensor([1.], requires_grad=True)"
        )


def test_repr_is_indented(network):
    assert repr(network) == (
        "Network(\n"
        "  (layers): ModuleList(\n"
        "    (0): Block(\n"
        "      (inner): Linear(in_features=3, out_features=2, bias=True)\n"
        "    )\n"
        "    (1): Linear(in_features=2, out_features=1, bias=False)\n"
        "  )\n"
        ")"
    )


def test_a_training_step_leaves_no_cycle(network):
    gc.collect()
    gc.disable()
    try:
        loss = network(np.ones((2, 3))).sum()
        loss.backward()
        del loss
        network.zero_grad()
        assert gc.collect() == 0
    finally:
        gc.enable()


class TestSequential:
    def test_index_slice_length_iteration(self):
        layers = [nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)]
        model = nn.Sequential(*layers)
        assert len(model) == 3
        assert list(model) == layers
        assert model[0] is layers[0]
        assert model[-1] is layers[2]
        assert list(model[1:]) == layers[1:]
        assert isinstance(model[1:], nn.Sequential)
        assert [name for name, _ in model[1:].named_children()] == ["0", "1"]
        with pytest.raises(IndexError, match="Sequential has 3 modules, and none at 5"):
            model[5]

    def test_a_repeated_module_runs_each_time(self):
        class Double(nn.Module):
            def forward(self, x):
                return 2 * x

        double = Double()
        model = nn.Sequential(double, double)
        assert len(model) == 2
        assert model(3) == 12

    def test_named(self):
        model = nn.Sequential({"first": nn.Linear(2, 3), "act": nn.ReLU()})
        assert [name for name, _ in model.named_parameters()] == ["first.weight", "first.bias"]
        assert model.act is model[1]
        assert [name for name, _ in model[1:].named_children()] == ["act"]

    def test_changed(self):
        model = nn.Sequential(nn.Linear(2, 3)).append(nn.ReLU()).extend([nn.Linear(3, 1)])
        assert model(np.ones(2)).shape == (1,)
        model[1] = tanh = nn.Tanh()
        assert list(model)[1] is tanh
        del model[0]
        assert [name for name, _ in model.named_children()] == ["0", "1"]
        assert model[0] is tanh

    def test_eval_does_not_join_the_row(self):
        model = nn.Sequential(nn.Linear(2, 3)).eval()
        assert len(model) == 1
        assert model(np.ones(2)).shape == (3,)

    def test_empty_is_the_identity(self):
        assert nn.Sequential()(5) == 5

    def test_what_is_no_module_raises(self):
        with pytest.raises(TypeError, match=r"'1'.*tanh"):
            nn.Sequential(nn.Linear(2, 3), np.tanh)
        with pytest.raises(TypeError, match=r"write Sigmoid\(\)"):
            nn.Sequential(nn.Linear(2, 3), nn.Sigmoid)


def test_module_dict():
    heads = nn.ModuleDict({"a": nn.Linear(2, 1)})
    heads["b"] = nn.Linear(2, 3)
    assert list(heads) == list(heads.keys()) == ["a", "b"]
    assert len(heads) == 2
    assert [module.out_features for module in heads.values()] == [1, 3]
    assert [name for name, _ in heads.items()] == ["a", "b"]
    del heads["a"]
    assert "a" not in heads
    assert [name for name, _ in heads.named_parameters()] == ["b.weight", "b.bias"]
    with pytest.raises(KeyError):
        heads["a"]
    with pytest.raises(KeyError, match="already"):
        heads["keys"] = nn.ReLU()
