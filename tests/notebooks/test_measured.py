"""Numbers after a ≈ are compared by their size, and only those."""

import pytest
from measured import differences, marked, unit


def printed(text):
    return [{"output_type": "stream", "text": text}]


def test_marked_numbers_are_found_in_texts_and_values():
    outputs = [
        *printed("loss ≈ 17.2, of 1,024; ≈ 3e-05."),
        {"data": {"text/plain": ["≈ -0.5 and ", "≈1,200"]}},
        {"data": {}},
    ]
    assert marked(outputs) == ["17.2", "3e-05", "-0.5", "1,200"]


@pytest.mark.parametrize(
    "written, expected", [("3.14", 0.01), ("12", 1), ("2e+02", 100), ("1.5e-3", 1e-4), ("1,200", 1)]
)
def test_the_unit_of_the_last_digit(written, expected):
    assert unit(written) == pytest.approx(expected)


@pytest.mark.parametrize("now", ["8.0", "9.9", "12.5", "12.6"])
def test_a_quarter_more_or_less_is_the_same(now):
    assert differences(printed(f"loss ≈ {now}"), printed("loss ≈ 10.0")) == []


@pytest.mark.parametrize("now, stored", [("7.3", "10.0"), ("12.7", "10.0"), ("-10", "10"), ("3e-04", "1e-04")])
def test_more_is_a_difference(now, stored):
    (sentence,) = differences(printed(f"≈ {now}"), printed(f"≈ {stored}"))
    assert now in sentence and stored in sentence


def test_a_small_number_may_differ_in_its_last_digit():
    assert differences(printed("≈ 0.02"), printed("≈ 0.01")) == []
    assert differences(printed("≈ 0.03"), printed("≈ 0.01")) != []


def test_a_number_that_is_missing_is_a_difference():
    assert "1 now, 2 stored" in differences(printed("≈ 1"), printed("≈ 1 ≈ 2"))[0]
