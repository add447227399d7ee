"""Simulate the voices of people who ask for something, politely and casually: the data of chapter 4/03.

    python data/make/voices.py [FOLDER]

writes ``voices.csv`` and ``voices.truth.json`` (default: the folder above this script's). Nothing here was measured.
The design follows the kind of study that Winter's tutorial on mixed models is about (arXiv:1308.5499), with twice the
speakers and more situations; the numbers are invented, and are not those of that study.

Design. Twelve speakers, six women and six men, each ask for a favour in twelve situations ("the bus driver should
wait"), once politely, as to a professor, and once casually, as to a friend. Every speaker meets every situation in both
ways: attitude varies within speakers and within situations, gender between speakers and within situations. The height
of the voice is its mean frequency in hertz. Recordings fail now and then.

Model, for speaker i in situation j with attitude a (0 casual, 1 polite):

    pitch = intercept + polite a + male_i + (s0_i + s1_i a) + (t0_j + t1_j a) + e,

(s0, s1) and (t0, t1) normal with the standard deviations and correlations below, e normal. Men and women change their
voices alike: there is no interaction.

Random numbers: NumPy's PCG64 from one seed, a stream of its own for speakers, situations, residuals and losses. The
seed was fixed before anything was looked at. A recording is lost with probability 0.01, whatever it would have held.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

SEED = 20130826
SPEAKERS = (*(f"F{i}" for i in range(1, 7)), *(f"M{i}" for i in range(1, 7)))
SITUATIONS = (
    "bus", "cake", "deadline", "door", "ladder", "letter", "library", "music", "parking", "photo", "seat", "umbrella",
)  # fmt: skip
INTERCEPT, POLITE, MALE = 250.0, -15.0, -105.0  # Hz
SD_SPEAKER, SD_SITUATION, SD_RESIDUAL = (25.0, 12.0), (12.0, 8.0), 25.0  # Hz: intercept and slope of attitude
CORRELATION_SPEAKER, CORRELATION_SITUATION = -0.3, 0.0
P_LOST = 0.01


def effects(generator: np.random.Generator, n: int, sd: tuple[float, float], rho: float) -> np.ndarray:
    """Draw intercepts and slopes, shape (n, 2), rounded so that the truth on file is the truth."""
    root = np.array([[sd[0], 0.0], [rho * sd[1], np.sqrt(1 - rho**2) * sd[1]]])
    return np.asarray(np.round(generator.standard_normal((n, 2)) @ root.T, 4) + 0.0)


def simulate() -> tuple[str, dict[str, Any]]:
    """Give the text of the CSV file and the truth behind it."""
    streams = [np.random.Generator(np.random.PCG64(seed)) for seed in np.random.SeedSequence(SEED).spawn(4)]
    speakers = effects(streams[0], len(SPEAKERS), SD_SPEAKER, CORRELATION_SPEAKER)
    situations = effects(streams[1], len(SITUATIONS), SD_SITUATION, CORRELATION_SITUATION)
    shape = (len(SPEAKERS), len(SITUATIONS), 2)
    error = SD_RESIDUAL * streams[2].standard_normal(shape)
    lost = streams[3].random(shape) < P_LOST
    lines = ["speaker,gender,situation,attitude,pitch"]
    for i, speaker in enumerate(SPEAKERS):
        for j, situation in enumerate(SITUATIONS):
            for a, attitude in enumerate(("casual", "polite")):
                mean = INTERCEPT + POLITE * a + MALE * (speaker[0] == "M")
                mean += speakers[i] @ [1, a] + situations[j] @ [1, a]
                if not lost[i, j, a]:
                    gender = "woman" if speaker[0] == "F" else "man"
                    lines.append(f"{speaker},{gender},{situation},{attitude},{mean + error[i, j, a]:.1f}")
    truth = {
        "script": "data/make/voices.py",
        "formula": "pitch ~ attitude + gender + (attitude | speaker) + (attitude | situation)",
        "unit": "Hz",
        "beta": {"(Intercept)": INTERCEPT, "attitudepolite": POLITE, "genderman": MALE},
        "sd": {
            "speaker": dict(zip(("(Intercept)", "attitudepolite"), SD_SPEAKER, strict=True)),
            "situation": dict(zip(("(Intercept)", "attitudepolite"), SD_SITUATION, strict=True)),
            "residual": SD_RESIDUAL,
        },
        "corr": {"speaker": CORRELATION_SPEAKER, "situation": CORRELATION_SITUATION},
        "p_lost": P_LOST,
        "recordings": len(lines) - 1,
        "speaker_effects": dict(zip(SPEAKERS, speakers.tolist(), strict=True)),
        "situation_effects": dict(zip(SITUATIONS, situations.tolist(), strict=True)),
        "seed": SEED,
        "bit_generator": "PCG64; SeedSequence(seed).spawn(4): speakers, situations, residuals, losses",
    }
    return "\n".join(lines) + "\n", truth


def main() -> None:
    """Write the data and the truth."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    text, truth = simulate()
    (folder / "voices.csv").write_bytes(text.encode())
    (folder / "voices.truth.json").write_bytes((json.dumps(truth, indent=1) + "\n").encode())
    print(f"voices: {truth['recordings']} rows")


if __name__ == "__main__":
    main()
