"""Draw the social card, book/_static/card.png (1200 x 630): run `python -m tools.card` after a change of name or colours."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

TARGET = Path(__file__).resolve().parent.parent / "book" / "_static" / "card.png"
NAVY, PAPER, SKY, AMBER = "#12304d", "#ffffff", "#56b4e9", "#e69f00"
GROUPS = 14


def draw(target: Path = TARGET) -> Path:
    """Draw lines of single groups around the line of the population, and the name of the course."""
    rng = np.random.default_rng(20)
    with mpl.rc_context({"font.family": "DejaVu Sans"}):
        fig = plt.figure(figsize=(12, 6.3), dpi=100, facecolor=NAVY)
        ax = fig.add_axes((0.50, 0, 0.50, 1))
        ax.set_axis_off()
        x = np.array([0.0, 1.0])
        for group in range(GROUPS):
            intercept, slope = rng.normal(0, 0.20), rng.normal(0.55, 0.28)
            ax.plot(
                x,
                intercept + slope * x,
                color=(SKY, AMBER)[group % 2],
                lw=3,
                alpha=0.75,
                solid_capstyle="round",
            )
        ax.plot(x, 0.55 * x, color=PAPER, lw=8, solid_capstyle="round")
        ax.set(xlim=(-0.04, 1.06), ylim=(-0.65, 1.25))
        fig.text(
            0.06,
            0.53,
            "Mixed models\nin Python",
            color=PAPER,
            size=50,
            weight="bold",
            va="bottom",
            linespacing=1.15,
        )
        text = "A course: simulate, fit, check,\nand say what you found"
        fig.text(0.06, 0.45, text, color="#c9d9e8", size=23, va="top", linespacing=1.4)
        fig.savefig(target, facecolor=NAVY, metadata={"Software": None})
        plt.close(fig)
    return target


if __name__ == "__main__":
    print(draw())
