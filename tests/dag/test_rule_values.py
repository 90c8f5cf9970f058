"""Values that rules are given: options, JSON, resources that grow."""

import json

from tests.dag.conftest import job
from workflow_scripts.dag.rule_values import as_json, growing, option


def test_an_option_without_a_value_has_no_words():
    assert option("--md5", "abc") == ["--md5", "abc"]
    assert option("--exclude", "organelle", "plasmid") == ["--exclude", "organelle", "plasmid"]
    assert option("--length", 0) == ["--length", "0"], "0 is a value"
    assert option("--md5", "") == option("--md5", None) == option("--exclude") == []


def test_equal_values_are_equal_text():
    assert as_json({"b": 1, "a": [1.0]}) == as_json({"a": [1.0], "b": 1})
    assert json.loads(as_json({"a": None})) == {"a": None}


def test_each_attempt_asks_for_more():
    assert [growing(2000)(job(), attempt) for attempt in (1, 2, 3)] == [2000, 4000, 6000]
