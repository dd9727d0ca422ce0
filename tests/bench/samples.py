"""Prompts of 1.4 KB that read like English, the same in every run."""

from __future__ import annotations

import random

SIZE = 1_400  # bytes
COMMON = "customer"  # a word of nearly every text

_WORDS = """
the a answer question customer order refund policy please you are an assistant who writes clear short polite
replies never promise what cannot be kept ask for details when something is missing from request summarise
document into three points for reader with little time keep names numbers and dates exactly as they stand
translate only text between marks do not add opinion of your own if unsure say so offer next step
"""


def _sentences(count: int) -> list[str]:
    rng, words = random.Random(20_240_229), _WORDS.split()
    return [" ".join(rng.choices(words, k=rng.randint(8, 16))).capitalize() + "." for _ in range(count)]


# Whole sentences are drawn, not words: a hundred thousand texts take a second, not a minute.
_BANK = _sentences(2_000)
_DRAWN = SIZE // min(len(sentence) for sentence in _BANK) + 1


def text(number: int) -> str:
    """Text *number*; texts of different numbers differ, in the line that they begin with too."""
    body = " ".join(random.Random(number).choices(_BANK, k=_DRAWN))
    return f"{marker(number)}\n\n{body}"[: SIZE - 1] + "\n"


def marker(number: int) -> str:
    """What text *number* begins with, and no other."""
    return f"Case {number:09d}."
