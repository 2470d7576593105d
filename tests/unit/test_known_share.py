"""For how much of a collection any label holds, by items of it; on made odds whose truth is known."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from modag_search.classify.known_share import ITEMS, LEAST_SHARE, share_of_known, weighed


@pytest.mark.parametrize("truth", [0.0, 0.05, 0.3, 0.7, 1.0])
def test_a_share_is_found_as_far_as_its_items_tell(truth: float) -> None:
    random = np.random.default_rng(1)
    means = np.where(np.arange(ITEMS) < truth * ITEMS, 2.0, -2.0)
    # Normal with a variance of 4 around +-2: the log-odds between the two are the value itself.
    found = share_of_known(random.normal(means, 2.0))
    assert found == pytest.approx(truth, abs=0.07)
    assert 0 < found < 1


def test_few_items_tell_little_and_none_nothing() -> None:
    shares = [share_of_known(np.full(n, -8.0)) for n in (0, 1, 10, 200)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == 0.5
    assert shares[1] > 0.3
    assert shares[-1] < 0.02


def test_where_nothing_is_said_of_items_none_is_known() -> None:
    assert share_of_known(np.full(100, -np.inf)) < 0.03


def test_the_little_that_is_known_is_not_held_back_for_the_number_of_strangers() -> None:
    several = partial(weighed, examples=5, labels=2)
    assert several(0.01) == several(LEAST_SHARE) > 0.4
    assert several(0.5) > several(0.3) > several(0.01)
    assert weighed(0.01, examples=5, labels=1) < 0.05, "nothing tells what strangers of one label alone are"
