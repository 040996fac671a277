"""Sizes: a reader sees a module at a glance and a function at once."""

from statistics import median, quantiles

from tests.architecture.sources import ROOT, all_modules, functions, place

MODULE_MEDIAN, MODULE_P90, MODULE_CAP = 80, 250, 400
FUNCTION_MEDIAN, FUNCTION_P90, FUNCTION_CAP = 10, 30, 40


def test_modules_are_short() -> None:
    lengths = {place(module): len(module.read_text("utf-8").splitlines()) for module in all_modules()}
    assert {name: length for name, length in lengths.items() if length > MODULE_CAP} == {}
    assert median(lengths.values()) <= MODULE_MEDIAN
    assert quantiles(lengths.values(), n=10)[-1] <= MODULE_P90


def test_modules_of_tests_are_short_too() -> None:
    lengths = {place(module): len(module.read_text("utf-8").splitlines()) for module in ROOT.glob("tests/**/*.py")}
    assert {name: length for name, length in lengths.items() if length > MODULE_CAP} == {}


def test_functions_are_short() -> None:
    lengths = {
        f"{place(module)}:{function.lineno} {function.name}": (function.end_lineno or 0) - function.lineno + 1
        for module in all_modules()
        for function in functions(module)
    }
    assert {name: length for name, length in lengths.items() if length > FUNCTION_CAP} == {}
    assert median(lengths.values()) <= FUNCTION_MEDIAN
    assert quantiles(lengths.values(), n=10)[-1] <= FUNCTION_P90
