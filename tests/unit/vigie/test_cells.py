"""Cells that a spreadsheet may open."""

import pytest

from vigie.cells import safe


@pytest.mark.parametrize(
    "cell", ["=1+1", "+33 1 23", "-2", "@user hi", "\t=1", "\r=1", " =1", "\n@x", "＝1", "\u3000＋1", "=HYPERLINK(1)"]
)
def test_a_formula_gets_an_apostrophe(cell: str) -> None:
    assert safe(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "a=b", "great :-)", "5 - 3", "'quoted"])
def test_other_cells_stay(cell: str) -> None:
    assert safe(cell) == cell
