"""Differentiate derivatives: curvature, Newton's method, and a penalty on a gradient.

    python examples/second_derivatives.py

A gradient found with `create_graph=True` is recorded itself, and so has a gradient.
"""

import numpy as np

import microtensor as mt
from microtensor.autograd import grad

# Curvature of a function of one variable
x = mt.tensor(1.0, requires_grad=True)
y = np.exp(-(x**2))
slope = grad(y, x, create_graph=True)
curvature = grad(slope, x)
print(f"y = exp(-x²) at 1: slope {slope.item():.6f}, curvature {curvature.item():.6f}")
print(f"             by formula: {-2 * np.exp(-1):.6f},           {2 * np.exp(-1):.6f}")


# Newton's method for the minimum of Rosenbrock's function, at (1, 1)
def rosenbrock(p):
    """Return (1 - p₀)² + 100 (p₁ - p₀²)²."""
    return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2


point = mt.tensor([-1.2, 1.0], requires_grad=True)
for step in range(1, 8):
    gradient = grad(rosenbrock(point), point, create_graph=True)
    hessian = np.stack([grad(g, point, retain_graph=True).numpy() for g in gradient])
    with mt.no_grad():
        point -= np.linalg.solve(hessian, gradient.numpy())
    print(f"Newton step {step}: {point.numpy().round(6)}, value {rosenbrock(point).item():.1e}")

# A penalty on the gradient: how the weights make the output less sensitive to the input
rng = np.random.default_rng(0)
W = mt.tensor(rng.normal(size=(3, 1)), requires_grad=True)
inputs = mt.tensor(rng.normal(size=(4, 3)), requires_grad=True)
sensitivity = grad(np.tanh(inputs @ W).sum(), inputs, create_graph=True)
penalty = (sensitivity**2).sum()
penalty.backward()
print(
    f"gradient penalty {penalty.item():.4f}; its gradient by the weights {W.grad.numpy().ravel()}"
)
