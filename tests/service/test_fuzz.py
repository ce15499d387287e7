"""Requests that nobody would think of: every one is answered, and none with a 500."""

from __future__ import annotations

import json

import pytest
from asking import POST_PATHS, running
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from storm import VALID, storm

TEXT = st.text(max_size=20)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
NAMES = sorted({name for each in VALID.values() for name in each} | {"rules", "allow", "deny"})
BODY = st.dictionaries(st.sampled_from(NAMES) | TEXT, VALUE, max_size=6)
OFTEN = settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.slow
@OFTEN
@given(path=st.sampled_from(POST_PATHS), extra=BODY, base=st.booleans())
def test_bodies_of_any_json(local, path, extra, base):
    document = (VALID[path] if base else {}) | extra
    reply = local.ask("POST", path, json.dumps(document).encode())
    assert reply.status in (200, 400, 404, 422), reply.body
    reply.json  # noqa: B018  # it is some


@pytest.mark.slow
@OFTEN
@given(path=st.sampled_from(POST_PATHS), body=st.binary(max_size=300))
def test_bodies_of_any_bytes(local, path, body):
    assert local.ask("POST", path, body).status in (400, 422)


@pytest.mark.slow
@OFTEN
@given(
    place=st.sampled_from(
        ("/v1/items/", "/v1/users/", "/v1/items?query=", "/v1/users?limit=", "/v1/")
    ),
    rest=st.text(max_size=30),
)
def test_any_path(local, place, rest):
    assert local.ask("GET", place + rest).status in (200, 404, 422)


@pytest.mark.slow
@pytest.mark.posix
def test_a_small_storm(saved, tmp_path):
    with running(saved(), "--no-access-log", log=tmp_path / "log") as server:
        result = storm(server, 4000, seed=3)
        assert result["faults"] == []
        assert sum(result["answers"].values()) > 3500
        assert {"400", "404", "405", "422"} <= set(result["answers"])
        assert server.said.splitlines()[1:] == []
