"""Probabilities of scores and log-odds, and how the parameters that make them are fitted to what is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

PRECISION = 0.15
"""Of the Gaussian prior over parameters: how much of the loss their distance from where they start is."""
MISTAKEN = 0.01
"""How likely a label counts as at the least while weights are learnt: it may have been given by mistake. Otherwise one
label that all others contradict costs so much that all that is said counts for half."""
_MOST_STEPS = 50
_FLAT = 1e-6
"""Gradient at which a minimum is reached."""


def softmax(scores: FloatArray) -> FloatArray:
    """Make probabilities of scores ``[shape=(n, n_labels)]``; a row without any finite score gives zeros."""
    highest = scores.max(axis=1, keepdims=True, initial=-np.inf)
    # Below the highest, exponents are 0 at the most and cannot overflow.
    likelihoods = np.exp(scores - np.where(np.isfinite(highest), highest, 0.0))
    shares: FloatArray = likelihoods / np.maximum(likelihoods.sum(axis=1, keepdims=True), 1e-300)
    return shares


def sigmoid(log_odds: FloatArray) -> FloatArray:
    """Make probabilities of log-odds, without overflow."""
    odds: FloatArray = 0.5 * (1.0 + np.tanh(0.5 * log_odds))
    return odds


def despite_mistakes(log_likely: FloatArray, mistaken: float) -> tuple[FloatArray, FloatArray]:
    """Bound what is lost by statements of which some are mistaken.

    Parameters
    ----------
    log_likely : np.ndarray [shape=(n,), float64]
        Natural logarithm of how likely each is.
    mistaken : float
        How likely each is at the least, since it may be a mistake; in [0, 1).

    Returns
    -------
    log_likely : np.ndarray [shape=(n,), float64]
    trust : np.ndarray [shape=(n,), float64]
        How likely each is no mistake. The gradient of the first is that of what was given, times this.

    Examples
    --------
    >>> likely, trust = despite_mistakes(np.log([0.98, 0.001]), 0.02)
    >>> np.exp(likely).round(2).tolist(), trust.round(2).tolist()
    ([0.98, 0.02], [0.98, 0.05])
    """
    of_right = log_likely + np.log1p(-mistaken)
    bounded: FloatArray = np.logaddexp(of_right, np.log(mistaken)) if mistaken else of_right
    return bounded, np.exp(of_right - bounded)


def learn_sigmoid(
    scores: FloatArray,
    holds: BoolArray,
    prior: tuple[float, float],
    *,
    weights: FloatArray | None = None,
    precision: tuple[float, float] = (PRECISION, PRECISION),
    mistaken: float = 0.0,
) -> tuple[float, float]:
    """Learn slope (not negative) and offset of the log-odds that a statement holds, given its score.

    Parameters
    ----------
    scores : np.ndarray [shape=(n,), float64]
        Finite.
    holds : np.ndarray [shape=(n,), bool]
    prior : (float, float)
        Where they start, and stay near with few statements.
    weights : np.ndarray [shape=(n,), float64], optional
        How much each statement counts; default 1.
    precision : (float, float)
        How near they stay, see `minimise`.
    mistaken : float
        As of `despite_mistakes`.

    Returns
    -------
    (float, float)

    References
    ----------
    Platt, "Probabilistic outputs for support vector machines", 1999.
    """
    signs = np.where(holds, 1.0, -1.0)
    counts = np.ones(len(scores)) if weights is None else weights
    inputs = np.stack([scores, np.ones_like(scores)], axis=1)

    def loss(parameters: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        margins = signs * (inputs @ parameters)
        # How likely the opposite of each truth is: the gradient of the log-loss log(1 + exp(-margin)), but for signs.
        errors = sigmoid(-margins)
        log_likely, trust = despite_mistakes(-np.logaddexp(0, -margins), mistaken)
        weighed = counts * trust * errors
        curvature = (inputs * (weighed * (1 - errors))[:, None]).T @ inputs
        return -float((counts * log_likely).sum()), -(weighed * signs) @ inputs, curvature

    least = np.array([0.0, -np.inf])
    slope, offset = minimise(loss, np.array(prior), least=least, precision=np.array(precision)).tolist()
    return slope, offset


def minimise(
    loss: Callable[[FloatArray], tuple[float, FloatArray, FloatArray]],
    start: FloatArray,
    *,
    least: FloatArray,
    precision: float | FloatArray = PRECISION,
) -> FloatArray:
    """Minimise a convex loss and the Gaussian prior around `start`; no parameter falls below its least value.

    The loss returns its value, gradient and Hessian. Newton's method, projected: parameters that are at their least
    value and would fall below it are held; steps are halved until they help.

    Parameters
    ----------
    loss : callable
    start, least : np.ndarray [shape=(n,), float64]
    precision : float or np.ndarray [shape=(n,), float64]
        What the square of each parameter's distance from `start` adds to the loss.

    Returns
    -------
    np.ndarray [shape=(n,), float64]

    References
    ----------
    Bertsekas, "Projected Newton methods for optimization problems with simple constraints", 1982.
    """

    def penalised(parameters: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        value, gradient, hessian = loss(parameters)
        distance = parameters - start
        value += float((precision * distance**2).sum())
        return value, gradient + 2 * precision * distance, hessian + 2 * precision * np.eye(start.size)

    parameters = np.maximum(start, least)
    value, gradient, hessian = penalised(parameters)
    for _ in range(_MOST_STEPS):
        free = (parameters > least) | (gradient < 0)
        if np.abs(gradient[free]).max(initial=0.0) < _FLAT:
            break
        step = np.zeros_like(parameters)
        step[free] = np.linalg.solve(hessian[np.ix_(free, free)], -gradient[free])
        for shrunk in 0.5 ** np.arange(_MOST_STEPS):
            tried = np.maximum(parameters + shrunk * step, least)
            reached = penalised(tried)
            if reached[0] <= value + 1e-4 * float(gradient @ (tried - parameters)):
                break
        else:
            break  # as low as floating point can tell
        parameters, (value, gradient, hessian) = tried, reached
    return parameters
