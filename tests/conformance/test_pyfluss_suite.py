"""pyfluss's own test suite against the server: each of its tests is one here."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance import pyfluss_suite
from peers.thalweg import SaslServer

NAMES = (Path(__file__).parent / "pyfluss_suite.txt").read_text().split("\n")[:-1]

pytestmark = [pytest.mark.network, pytest.mark.timeout(600)]


@pytest.fixture(scope="session")
def outcomes(
    request: pytest.FixtureRequest, bootstrap: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, pyfluss_suite.Outcome]:
    """One run of those tests of the suite that this session has selected."""
    selected = [
        item.callspec.params["name"]
        for item in request.session.items
        if getattr(item, "originalname", None) == test_of_the_suite.__name__ and item.path == Path(__file__)
    ]
    # Beside the server under test, which listens without a password.
    sasl = SaslServer(tmp_path_factory.mktemp("thalweg-sasl"), pyfluss_suite.SASL_USERS).start()
    try:
        return pyfluss_suite.run(selected, bootstrap, sasl.sasl_bootstrap, tmp_path_factory.mktemp("pyfluss-suite"))
    finally:
        sasl.stop()


def test_the_list_is_all_there_is() -> None:
    shipped = pyfluss_suite.shipped_names()
    assert len(shipped) == pyfluss_suite.SHIPPED_COUNT
    assert NAMES == shipped
    assert len(set(NAMES)) == pyfluss_suite.SHIPPED_COUNT


@pytest.mark.parametrize("name", NAMES)
def test_of_the_suite(name: str, outcomes: dict[str, pyfluss_suite.Outcome]) -> None:
    assert name in outcomes, "the suite's run does not mention it"
    outcome = outcomes[name]
    if outcome.verdict != "passed":  # A skip is not a pass.
        pytest.fail(f"{outcome.verdict}:\n{outcome.detail}", pytrace=False)
