"""Attacks that query draw random numbers: in every test the same."""

import pytest
import torch


@pytest.fixture(autouse=True)
def same_random_numbers():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield
