"""What two servers say to the same requests, compared and counted."""

from __future__ import annotations

import collections
import dataclasses
from typing import Any

from differential import known, normal
from differential.server import Server
from differential.step import Step
from peers.wire import Answer


# Characters of an outcome that are shown, and of those that both have.
KEPT, KEPT_BEFORE = 2000, 500


@dataclasses.dataclass
class Disagreement:
    number: int
    step: str
    reference: Any
    ours: Any

    def __str__(self) -> str:
        return f"request {self.number}: {self.step}\n    reference: {self.reference}\n    Thalweg:   {self.ours}"


class Comparison:
    """`reference` decides what the world is like. `differences` are those that may be."""

    def __init__(self, reference: Server, ours: Server, differences: list[known.Difference] = known.DIFFERENCES):
        self.servers = [reference, ours]
        self.differences = differences
        self.requests = 0
        self.by_api: collections.Counter[str] = collections.Counter()
        self.refused: collections.Counter[str] = collections.Counter()
        self.excused: collections.Counter[str] = collections.Counter()
        self.disagreements: list[Disagreement] = []
        self.spent = {server.name: 0.0 for server in self.servers}

    def compare(self, step: Step, answers: list[Answer | None]) -> bool:
        """Whether the servers keep the same: their answers agree, or differ in a way that does not matter later."""
        self.requests += 1
        self.by_api[step.api] += 1
        outcomes = []
        for server, answer in zip(self.servers, answers, strict=True):
            if step.look is not None and answer is not None:
                step.look(server, answer)
            outcomes.append(normal.outcome(server, answer, step.form))
        if answers[0] is None or answers[0].error:
            self.refused[step.api] += 1
        agree = outcomes[0] == outcomes[1]
        if not agree:
            excuses = known.excuse(step, outcomes[0], outcomes[1], self.differences)
            if excuses is None:
                messages = [answer.message[:300] if answer else "" for answer in answers]
                said = [f"{outcome} {message!r}" for outcome, message in zip(outcomes, messages, strict=True)]
                self.disagreements.append(Disagreement(self.requests, str(step), *shortened(*said)))
            else:
                agree = not any(difference.parts_ways for difference in excuses)
                self.excused.update(difference.name for difference in excuses)
        both = {answer is not None and answer.error == 0 for answer in answers}
        if both == {True} and step.done is not None:
            step.done()
        elif len(both) == 2 and step.undo is not None:
            step.undo()
        return agree


def shortened(reference: str, ours: str) -> tuple[str, str]:
    """Without most of what two long texts begin with alike."""
    unlike = (i for i, both in enumerate(zip(reference, ours, strict=False)) if both[0] != both[1])
    alike = next(unlike, min(len(reference), len(ours)))
    start = max(alike - KEPT_BEFORE, 0)
    first, second = (("…" if start else "") + text[start : start + KEPT] for text in (reference, ours))
    return first, second
