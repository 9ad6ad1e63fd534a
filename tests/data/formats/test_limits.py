"""Files that are too large are refused by their headers."""

from contextlib import ExitStack

import pytest

from utils.data.formats import limits
from utils.data.formats.reading import Unreadable

TOO_LARGE = {
    "image": ((1, 8000, 8000), "8000 x 8000 pixels"),
    "number": ((5000, 8, 8), "holds 5,000 images"),
    "together": ((4000, 600, 600), "4,000 images of 600 x 600 pixels"),
}


@pytest.mark.parametrize("case", TOO_LARGE)
def test_a_file_that_is_too_large_says_how_large_it_is(case):
    facts, reason = TOO_LARGE[case]
    with pytest.raises(Unreadable, match=reason):
        limits.check_frames(*facts)


@pytest.mark.parametrize(("facts", "waits"), [((1, 800, 800), False), ((90, 512, 512), True)])
def test_only_large_files_wait_for_their_turn(facts, waits):
    with ExitStack() as turn:
        limits.check_frames(*facts, turn)
        assert limits.ONE_AT_A_TIME.locked() == waits
    assert not limits.ONE_AT_A_TIME.locked()
