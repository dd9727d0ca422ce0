"""`rules.toml`: which labels are gated, and what a release of them takes. Pure functions and values, no I/O.

    [labels."production"]
    approvals = 1
    checks = ["eval"]
    prefixes = ["support/"]

Whoever pushes can write anything into the file. What cannot be understood never opens a gate: a label whose values are
wrong stays gated and cannot be released, and a file that cannot be understood as a whole gates every label.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from promptgit.domain import names, toml
from promptgit.domain.labels import LATEST, is_label
from promptgit.errors import InvalidName

PATH = "rules.toml"
MAX_BYTES = 64 * 1024
MOST_APPROVALS = 100

_KEYS = ("approvals", "checks", "prefixes")


@dataclass(frozen=True, slots=True)
class LabelRule:
    """What a release of one label takes; gated are prompts whose names begin with one of *prefixes* (none: all).

    With *problem* nothing can be released: a sentence says which value is wrong.
    """

    approvals: int = 1
    checks: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What `rules.toml` says; *problem* says why it cannot be understood, and then every label is gated."""

    labels: Mapping[str, LabelRule] = field(default_factory=dict)
    problem: str | None = None

    def rule_for(self, label: str, name: str) -> LabelRule | None:
        """What a release of a label to the prompt of this name takes; None: it is not gated there."""
        if label == LATEST:
            return None
        if self.problem is not None:
            return LabelRule(problem=self.problem)
        rule = self.labels.get(label)
        return rule if rule is not None and (not rule.prefixes or name.startswith(rule.prefixes)) else None

    def releasable(self, name: str) -> list[str]:
        """The labels that are gated for the prompt of this name and can be released; sorted."""
        found = {label: self.rule_for(label, name) for label in self.labels}
        return sorted(label for label, rule in found.items() if rule is not None and rule.problem is None)

    def names(self, label: str) -> bool:
        """True if the label is one of those that the file names, and so is protected everywhere."""
        return self.problem is not None or label in self.labels

    def asks_for(self, check: str) -> bool:
        """True if a release may depend on the check, which then only some tokens set."""
        return self.problem is not None or any(rule.problem or check in rule.checks for rule in self.labels.values())

    def problems(self) -> list[str]:
        """What is wrong, a sentence each."""
        if self.problem is not None:
            return [f"Every label is gated until rules.toml is mended: {self.problem}."]
        wrong = {label: rule.problem for label, rule in self.labels.items() if rule.problem}
        return [
            f"{label!r} cannot be released until rules.toml is mended: {problem}." for label, problem in wrong.items()
        ]


@lru_cache(maxsize=8)
def parse(data: bytes | None) -> Rules:
    """What a file holds; None stands for one that cannot be read or has more than 64 KiB."""
    if data is None or len(data) > MAX_BYTES:
        return Rules(problem=f"it cannot be read, or has more than {MAX_BYTES // 1024} KiB")
    try:
        tree = toml.load(data, MAX_BYTES)
    except (ValueError, RecursionError) as error:
        return Rules(problem=f"it is no TOML in UTF-8 ({error})")
    unknown = sorted(set(tree) - {"labels"})
    if unknown:
        return Rules(problem=f'{unknown[0]!r} is unknown; only tables of the form [labels."production"] are')
    labels = tree.get("labels", {})
    if not isinstance(labels, dict):
        return Rules(problem="'labels' is no table; write [labels.\"production\"]")
    return Rules({label: _rule(label, values) for label, values in labels.items()})


def _rule(label: str, values: Any) -> LabelRule:
    """The rule of one label; its prefixes count only if all of its values are right."""
    if label == LATEST:
        return LabelRule(problem="'latest' always is the newest version and cannot be gated")
    if not is_label(label):
        return LabelRule(problem=f"{label!r} is no label")
    if not isinstance(values, dict):
        return LabelRule(problem=f"labels.{label} is no table")
    unknown = sorted(set(values) - set(_KEYS))
    if unknown:
        return LabelRule(problem=f"labels.{label} has {unknown[0]!r}; only {', '.join(_KEYS)} are known")
    approvals = values.get("approvals", 1)
    if type(approvals) is not int or not 0 <= approvals <= MOST_APPROVALS:
        return LabelRule(problem=f"labels.{label}: approvals is no number from 0 to {MOST_APPROVALS}")
    checks, prefixes = values.get("checks", []), values.get("prefixes", [])
    if not isinstance(checks, list) or not all(isinstance(one, str) and is_label(one) for one in checks):
        return LabelRule(problem=f'labels.{label}: checks is no list of names such as "eval"')
    if not isinstance(prefixes, list) or not all(isinstance(one, str) and _is_prefix(one) for one in prefixes):
        return LabelRule(problem=f'labels.{label}: prefixes is no list of folders such as "support/"')
    return LabelRule(approvals, tuple(dict.fromkeys(checks)), tuple(prefixes))


def _is_prefix(text: str) -> bool:
    try:
        return text.endswith("/") and names.check(text[:-1]) == text[:-1]
    except InvalidName:
        return False
