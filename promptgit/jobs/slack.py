"""One sentence for people about what was done, as Slack's and Mattermost's incoming webhooks take it.

Names, descriptions and authors come from anybody. In Slack's text `<!channel>` calls everybody, `<@U1>` somebody, and
`<address|words>` leads elsewhere, so `&`, `<` and `>` are escaped as Slack demands (docs.slack.dev, "Formatting message
text", "Escaping text"). Slack has no escape for its marks of bold, struck and code text, and Mattermost understands
Markdown and `@channel` in addition: such characters are replaced by look-alikes, or separated by U+200B.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from promptgit.store.store import COMMITTER

_MOST_CHARACTERS = 300  # of each text
_MOST_NAMES = 3
_APART = "\u200b"  # ZERO WIDTH SPACE
_HARMLESS = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        "*": "\u2217",  # ASTERISK OPERATOR
        "~": "\u223c",  # TILDE OPERATOR
        "`": "\u02cb",  # MODIFIER LETTER GRAVE ACCENT
        "@": f"@{_APART}",
        "]": f"]{_APART}",  # a link in Markdown has `](`
    }
)
_OUTER_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")  # one within a word marks nothing
_ADDRESS = re.compile(r":(?=//)|\bwww(?=\.)", re.IGNORECASE)


def harmless(text: str) -> str:
    """A text of anybody's in one line, which reads as it was written and does nothing in a message."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    cut = line if len(line) <= _MOST_CHARACTERS else f"{line[:_MOST_CHARACTERS]}…"
    apart = _ADDRESS.sub(lambda found: found[0] + _APART, _OUTER_UNDERSCORE.sub("\uff3f", cut))
    return apart.translate(_HARMLESS)


def message(payload: Mapping[str, Any]) -> dict[str, str]:
    """The body that an incoming webhook takes; with a link where the payload has a `url`."""
    # It begins with a word of ours: at the beginning of a line more characters have a meaning.
    text = _sentence(payload)
    return {"text": f"{text} <{payload['url']}|Open>" if "url" in payload else text}


def _sentence(payload: Mapping[str, Any]) -> str:
    if payload["type"] == "test":
        return "This is a test of promptgit."
    if payload["type"] == "commit" and payload["change_count"] == 1:
        return _sentence(payload["changes"][0])
    who = _who(payload)
    why = harmless(payload.get("release_description", payload["description"]).strip().partition("\n")[0])
    if not why or payload["type"] == "check":  # the commit of a check says the same once more
        return f"{_deed(payload)} by {who}"
    return f"{_deed(payload)} by {who}: {why}"


def _who(payload: Mapping[str, Any]) -> str:
    """The credential of a release's step; else the author, with whoever else stored it, except promptgit itself."""
    author = harmless(payload.get("by") or payload["author"]["name"]) or "somebody"
    committer = None if payload.get("by") else payload.get("committer")
    if committer is None or committer == COMMITTER._asdict():
        return author
    return f"{author}, stored by {harmless(committer['name'])}"


def _deed(payload: Mapping[str, Any]) -> str:
    told: dict[str, Any] = {key: harmless(value) if isinstance(value, str) else value for key, value in payload.items()}
    match payload["type"]:
        case "version":
            return f"Version {told['version_number']} of {told['name']}"
        case "restore":
            return f"Deleted prompt {told['name']} was brought back"
        case "delete":
            return f"Prompt {told['name']} was deleted"
        case "rename":
            return f"Prompt {told['old_name']} was renamed to {told['name']}"
        case "label":
            done = "was removed" if told["to"] is None else f"was pointed at version {told['to']}"
            loud = " without a release, although rules gate it," if told.get("outside") else ""
            return f"Label {told['label']} of {told['name']} {done}{loud}"
        case "check":
            version = f"version {told['version_number']} of {told['name']}"
            return f"Check {told['check']} of {version} was set to {told['state']}"
        case "release":
            what = f" ({_listed(item['name'] for item in told['items'])})" if told.get("items") else ""
            return f"Release {told['release']} of {told['label']}{what} was {told['action']}"
        case "rules":
            return "Rules were changed"
        case _:
            names = _listed(change["name"] for change in told["changes"] if change["name"])
            return f"Commit of {told['change_count']} changes{f' ({names})' if names else ''} was made"


def _listed(names: Any) -> str:
    found = list(dict.fromkeys(names))
    rest = len(found) - _MOST_NAMES
    return ", ".join(map(harmless, found[:_MOST_NAMES])) + (f" and {rest} more" if rest > 0 else "")
