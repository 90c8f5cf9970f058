"""What is written as YAML is read back as the same value of the same type."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.settings.yaml_text import in_yaml

PLAIN = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text("ab1e. :-_*#{}[],'\"\\/n\néyo", max_size=8),
)
VALUES = st.recursive(
    PLAIN, lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text("ab1 :", max_size=4), below, max_size=3)
)


@given(VALUES)
def test_any_value_is_read_back(value):
    read = yaml.safe_load(in_yaml(value))
    assert read == value and type(read) is type(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5e-4, "5.0e-4"),
        (1e-6, "1.0e-6"),
        (0.005, "0.005"),
        (0.0, "0.0"),
        (1e300, "1.0e+300"),
        (True, "true"),
        ("no", '"no"'),
        ("", '""'),
        ("*", '"*"'),
        ("1e5", '"1e5"'),
        ("none", "none"),
        ("https://ftp.ncbi.nlm.nih.gov", "https://ftp.ncbi.nlm.nih.gov"),
        ({"models": ["a", "b"], "method": "full"}, "{models: [a, b], method: full}"),
    ],
)
def test_values_are_written_as_a_person_would(value, text):
    assert in_yaml(value) == text
    assert yaml.safe_load(text) == value
