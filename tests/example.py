"""A made-up team's prompts, for pictures and for looking around."""

from __future__ import annotations

from promptgit.domain.models import Author
from promptgit.service.service import Service
from promptgit.service.writes import Attribution

_ADA, _BEN, _CHI = (
    Author(name, f"{name.split()[0].lower()}@example.org") for name in ("Ada Lind", "Ben Okafor", "Chi Tran")
)

_FIRST = """\
You are the first voice that customers of {{shop}} hear.

Greet {{name}} warmly, and ask how you can help. Keep it to two sentences. \
Never promise a refund before you have seen the order.

Answer in the language that the customer writes in. If you cannot tell, use English.

When you do not know something, say so, and hand over to a colleague. Do not guess prices, dates or addresses.
"""
_SECOND = _FIRST.replace("how you can help.", "for the order number before anything else.")
_THIRD = (
    _SECOND.replace("warmly,", "by name,")
    .replace(" before anything else. Keep it to two sentences.", ". One sentence is enough.")
    .replace("seen the order.", "seen the order and its payment.")
) + "\nWrite plainly: no exclamation marks, no emoji.\n"
_FIFTH = _THIRD.replace("One sentence is enough.", "Two sentences are enough.")
_REASON = "Ask for the order number first\n\nHalf of all chats lost a turn to this question."

_OTHERS = (
    "billing/dunning-letter",
    "billing/invoice-summary",
    "onboarding/first-week",
    "onboarding/welcome-mail",
    "research/interview-notes",
    "research/summarise-paper",
    "support/escalation",
    "support/refund-check",
    "translate",
)


def fill(service: Service) -> str:
    """Write the example; the id of the prompt with a history."""
    for at, name in enumerate(_OTHERS):
        author = (_ADA, _BEN, _CHI)[at % 3]
        text = f"Work on {{{{document}}}} as {name.rpartition('/')[2].replace('-', ' ')} asks.\n"
        service.create(text, name=name, attribution=Attribution(f"First draft of {name}", author))
    prompt = service.create(_FIRST, name="support/greeting", attribution=Attribution("", _ADA))
    service.save(prompt.id, _SECOND, attribution=Attribution(_REASON, _BEN))
    service.save(prompt.id, _THIRD, attribution=Attribution("Shorter, and no exclamation marks", _CHI))
    service.revert(prompt.id, 2, attribution=Attribution("The short one was found cold by testers", _ADA))
    service.save(prompt.id, _FIFTH, attribution=Attribution("Plain, but not cold", _BEN))
    service.labels.point(prompt.id, "production", 4, attribution=Attribution("Fewest complaints in a week", _CHI))
    service.labels.point(prompt.id, "staging", 5, attribution=Attribution("To be tested", _BEN))
    return prompt.id
