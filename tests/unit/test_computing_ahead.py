"""Arithmetic in threads: what it does to the threads of BLAS, and that it leaves them as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from modag_search.classify.ahead import computed_ahead

if TYPE_CHECKING:
    from collections.abc import Iterator


def blas_threads() -> set[int]:
    """Return how many threads each BLAS of this process would use."""
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}


def product_and_threads(number: int) -> tuple[float, set[int]]:
    return float(np.trace(np.eye(4) * number @ np.eye(4))), blas_threads()


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    with threadpool_limits(2, user_api="blas"):
        yield


def test_products_stay_on_their_thread_and_threads_come_back_after() -> None:
    found = list(computed_ahead(product_and_threads, range(5)))

    assert found == [(4.0 * number, {1}) for number in range(5)]
    assert blas_threads() == {2}


def test_threads_come_back_when_the_last_of_several_at_once_ends() -> None:
    first, second = (computed_ahead(product_and_threads, range(5)) for _ in range(2))
    next(first), next(second)

    assert len(list(first)) == 4
    assert next(second)[1] == {1}
    assert blas_threads() == {1}, "the second is under way"
    assert len(list(second)) == 3

    assert blas_threads() == {2}


def test_threads_come_back_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError):
        list(computed_ahead(lambda number: 1 / number, [1, 0]))

    assert blas_threads() == {2}
