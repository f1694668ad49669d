"""What docs/reference/papers-performance.md says is what was measured."""

import json

from bench.papers import page


def test_the_page_has_the_figures_of_the_results() -> None:
    result = json.loads(page.PLACE.read_text())
    assert page.part(result) in page.PAGE.read_text(), "run: python -m bench.papers.page"
