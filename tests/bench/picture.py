"""The curves of bench.json as one picture."""

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure


def draw(results: dict[str, Any], path: Path) -> None:
    """Draws what has been measured; the rest stays empty."""
    figure = Figure(figsize=(12, 8), layout="constrained")
    (processes, latency), (tokens, memory) = figure.subplots(2, 2)
    growth = results.get("growth", {})
    _processes(processes, growth)
    _latency(latency, growth.get("latency_by_rate", {}))
    _tokens(tokens, growth.get("time_by_tokens", []))
    _memory(memory, results.get("memory", {}).get("curves", {}))
    figure.savefig(path, dpi=120)


def _processes(axes: Axes, growth: dict[str, Any]) -> None:
    for kind in ("gateways", "replicas"):
        for family, rates in growth.get(kind, {}).items():
            axes.plot([int(number) for number in rates], list(rates.values()), "o-", label=f"{family}: {kind}")
    _titled(axes, "What a second process brings", "processes", "requests/s")
    axes.set_xticks([1, 2])


def _latency(axes: Axes, curves: dict[str, list[dict[str, float]]]) -> None:
    for family, points in curves.items():
        rates = [point["requests_per_s"] for point in points]
        for quantile, style in (("p50_ms", "o-"), ("p99_ms", "o--")):
            axes.plot(rates, [point[quantile] for point in points], style, label=f"{family}: {quantile[:3]}")
    axes.set_yscale("log")
    _titled(axes, "Latency against request rate", "requests/s", "ms")


def _tokens(axes: Axes, points: list[dict[str, float]]) -> None:
    for size in sorted({point["texts"] for point in points}):
        chosen = [point for point in points if point["texts"] == size]
        axes.plot(
            [point["tokens"] for point in chosen], [point["ms"] for point in chosen], "o-", label=f"{size:g} texts"
        )
    if points:
        axes.set_xscale("log")
        axes.set_yscale("log")
    _titled(axes, "Time against tokens (distilbert, in process)", "tokens in a batch", "ms")


def _memory(axes: Axes, curves: dict[str, list[tuple[float, float]]]) -> None:
    for name, curve in curves.items():
        axes.plot([at for at, _ in curve], [mb for _, mb in curve], label=name)
    axes.set_ylim(bottom=0)
    _titled(axes, "Memory under load", "seconds", "resident MB")


def _titled(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set_title(title)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend()
