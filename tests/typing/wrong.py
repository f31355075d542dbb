"""What is wrong, and must be reported: a comment that silences nothing is an error itself."""

import numpy as np
import numpy.typing as npt

import microtensor as mt
import microtensor.nn.functional as F
from microtensor import Tensor, func, nn, optim
from microtensor.data import DataLoader

X: npt.NDArray[np.float64] = np.ones((3, 2))
W = mt.tensor([[0.5], [-0.5]], requires_grad=True)


def loss_fn(W: Tensor, x: npt.NDArray[np.float64]) -> Tensor:
    """Return a loss."""
    return ((x @ W) ** 2).sum()


class Layer(nn.Module):
    """Takes a Tensor."""

    def forward(self, x: Tensor, *, scale: float = 1.0) -> Tensor:
        """Return another."""
        return x * scale


# Names that there are not, of the package and of tensors.
mt.sigmoyd(W)  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]
W.unsqueeze(0)  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]
F.sofmax(W, dim=1)  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]
nn.Lin(2, 1)  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]

# Arguments that there are not, or of another type.
mt.tensor([1.0], requires_gradient=True)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
mt.sum(W, dim=0)  # type: ignore[call-overload] # pyright: ignore[reportCallIssue]
mt.exp(W, W)  # type: ignore[call-overload] # pyright: ignore[reportCallIssue]
mt.reshape(W, "2")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType, reportCallIssue]
W.backward(retain=True)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
nn.Linear("2", 1)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
nn.Linear(2, 1).forwards(W)  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]
Layer()(W, factor=2.0)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
Layer()("W")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
optim.SGD([W], learning_rate=0.1)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
optim.SGD([W], lr="0.1")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
DataLoader(X, batch_size="5")  # type: ignore[call-overload] # pyright: ignore[reportArgumentType, reportCallIssue]
mt.compare(W.sum(), [W])  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
mt.save(3, {})  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
mt.viz.draw("loss")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
mt.no_grad(False)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]

# Results that are something else.
W.grad.sum()  # type: ignore[union-attr] # pyright: ignore[reportOptionalMemberAccess]
loss: Tensor = W.backward()  # type: ignore[assignment, func-returns-value] # pyright: ignore[reportAssignmentType]
number: int = W.sum()  # type: ignore[assignment] # pyright: ignore[reportAssignmentType]
array: npt.NDArray[np.float64] = X @ W  # type: ignore[assignment] # pyright: ignore[reportAssignmentType]
text: str = W.item()  # type: ignore[assignment] # pyright: ignore[reportAssignmentType]

# Functions that were made of functions still take what those take.
func.grad(loss_fn)(W)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
func.grad(loss_fn)("W", X)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
func.value_and_grad(loss_fn)(W, X).backward()  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]
compiled = mt.compile(loss_fn)
compiled(W)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
compiled.repeat(10, W, X, X)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
for batch in DataLoader(X):
    batch.backwards()  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]
