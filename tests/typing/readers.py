"""What reads a graph: transforms, programs, comparisons, pictures, files."""

from pathlib import Path
from typing import Any, assert_type

import numpy as np
import numpy.typing as npt

import microtensor as mt
from microtensor import Tensor, func, nn
from microtensor.compare import Comparison
from microtensor.compile import Program

Array = npt.NDArray[np.float64]
W = mt.tensor([[0.5], [-0.5]], requires_grad=True)
X: Array = np.ones((3, 2))


def loss_fn(W: Tensor, x: Array, scale: float = 1.0) -> Tensor:
    """Return a loss."""
    return ((x @ W) ** 2).sum() * scale


def with_predictions(W: Tensor, x: Array) -> tuple[Tensor, Array]:
    """Return a loss, and what it is of."""
    return loss_fn(W, x), (x @ W).numpy()


# Transforms keep the arguments.
assert_type(func.grad(loss_fn)(W, X, scale=2.0), Tensor)
assert_type(func.grad(with_predictions, has_aux=True)(W, X)[0], Tensor)
assert_type(func.value_and_grad(loss_fn)(W, X), tuple[Tensor, Tensor])
second: Tensor = func.grad(func.grad(loss_fn))(W, X)
assert_type(func.jacobian(loss_fn)(W, X), Tensor)
assert_type(func.hessian(loss_fn)(W, X), Tensor)
assert_type(func.vjp(loss_fn, W, X)[0], Tensor)
assert_type(func.jvp(loss_fn, (W, X), (W, X)), tuple[Tensor, Tensor])


# Compiled functions, too.
@mt.compile
def step(W: Tensor, x: Array) -> Tensor:
    """Return the loss."""
    return loss_fn(W, x)


@mt.compile(backend="numba", reuse_results=True)
def fast(W: Tensor, x: Array) -> tuple[Tensor, Tensor]:
    """Return the loss and the gradient."""
    return func.value_and_grad(loss_fn)(W, x)


class Trainer:
    """Has a method that is compiled."""

    @mt.compile
    def step(self, x: Array, lr: float = 0.1) -> Tensor:
        """Return the loss."""
        return loss_fn(W, x) * lr


assert_type(step(W, X), Tensor)
assert_type(step.repeat(10, W, x=X), Tensor)
assert_type(step.source, str)
assert_type(fast(W, X), tuple[Tensor, Tensor])
assert_type(mt.compile(loss_fn)(W, X), Tensor)
assert_type(Trainer().step(X, lr=0.2), Tensor)
assert_type(mt.derive(loss_fn, W, X, argnums=0), Program)
assert_type(mt.trace(loss_fn, W, X).latex, str)


# An operation of one's own.
def softsign_forward(x: Array) -> Array:
    """Return x / (1 + |x|)."""
    out: Array = x / (1 + np.abs(x))
    return out


def softsign_vjp(g: Array, out: Array, x: Array) -> Array:
    """Return the gradient of x."""
    gradient: Array = g / (1 + np.abs(x)) ** 2
    return gradient


softsign = mt.custom_op(softsign_forward, softsign_vjp, name="softsign")
assert_type(softsign(W), Tensor)


def activation(x: Tensor) -> Tensor:
    """Return the activation."""
    return softsign(x)


assert_type(mt.autograd.gradcheck(activation, (W,)), bool)

# Comparisons.
z = X @ W
loss = (z**2).sum()
comparison = mt.compare(loss, {z: 2 * z.numpy(), W: X.T @ (2 * z.numpy())})
assert_type(comparison, Comparison)
assert_type(comparison.ok, bool)
assert_type([row.cause.kind for row in comparison.rows if row.cause], list[str])
comparison.raise_if_wrong()

# Pictures and files.
drawing = mt.viz.draw(loss, values=True)
assert_type(mt.viz.render(drawing, "loss.svg"), Path)
assert_type(mt.viz.explore(loss, "loss.html"), Path)
history: dict[str, list[float]] = {"training": [1.0, 0.5], "validation": [1.0, 0.7]}
figure = mt.viz.plot_history(history)
figure.savefig("history.png")

model = nn.Sequential(nn.Linear(2, 1))
assert_type(mt.save("model.safetensors", model.state_dict()), Path)
state: dict[str, Any] = mt.load("model.safetensors")
model.load_state_dict(state)
mt.onnx.export(model, X, Path("model.onnx"))
