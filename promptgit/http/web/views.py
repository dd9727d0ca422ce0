"""How a page shows a prompt's text: as messages, as text, or rendered as Markdown; the choice is remembered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import NamedTuple

from flask import after_this_request, request, url_for
from markupsafe import Markup, escape
from werkzeug.wrappers import Response

from promptgit.domain import front_matter
from promptgit.domain.front_matter import Message, Placeholder, PromptFile
from promptgit.domain.header_yaml import Json
from promptgit.domain.inputs import Input, text_of
from promptgit.domain.variables import names_in
from promptgit.http.web import markdown, shown
from promptgit.http.web.shown import Content

_OFFERED = {"text": {"text": "Text", "rendered": "Rendered"}}
_OFFERED["chat"] = {"messages": "Messages"} | _OFFERED["text"]
_MOST_MESSAGES = 500
_MOST_SETTINGS = 100
_MOST_SHOWN = 100  # characters of a value that stay open
_YEAR = 365 * 24 * 3600
_KEPT = ("at", "before")  # what else the address of a page says of what it shows


class View(NamedTuple):
    """A way to show a text, and the address that does."""

    label: str
    address: str
    is_chosen: bool


class Part(NamedTuple):
    """A message of a chat, or the place where messages of a name are put in, which has no *html*."""

    who: str
    html: Markup | None


class Setting(NamedTuple):
    """A row of the table above a text; of a long value, *more* is the whole."""

    name: str
    value: str
    more: str = ""


class Variable(NamedTuple):
    """A variable of a text, or one that it declares, with its *description* and what else is to be said of it."""

    name: str
    description: str
    note: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a page shows of a version's text: *body*, or the *parts* of a chat."""

    content: Content
    views: list[View]
    settings: list[Setting]
    omitted: int  # settings that are not among them
    tags: tuple[str, ...]
    variables: list[Variable]
    declares: bool  # whether the front matter declares variables: else they have names alone
    front: Markup  # the front matter as it stands in the file
    body: Markup
    parts: list[Part]
    is_rendered: bool
    note: str  # why it is not shown as was asked for

    @property
    def exact(self) -> Markup:
        """The whole file for an attribute of HTML, whose parser would make one LF of CR LF."""
        return Markup(str(escape(self.content.text)).replace("\r", "&#13;"))  # noqa: S704


def reading(data: bytes) -> Reading:
    """A version's text in the view that the request, or else the reader's last choice, asks for.

    The answer to the request remembers the choice, in a cookie for each type of prompts.
    """
    content = Content(data)
    file, start = front_matter.read(data)
    front, text = (_legible(part.decode(errors="replace"), content) for part in (data[:start], data[start:]))
    messages = [] if isinstance(file.prompt, str) else list(file.prompt)
    view, note = _chosen(file.type), ""
    if len(messages) > _MOST_MESSAGES and view != "text":
        view, note = "text", f"{len(messages):,} messages are too many to be shown one by one: here is the text."
    if view == "text":
        messages = []
    texts = [_legible(getattr(one, "content", ""), content) for one in messages] or [text]
    shown_texts = None
    if view == "rendered":
        shown_texts = markdown.rendered(texts)
        note = "" if shown_texts else "It is too long, or too nested, to be rendered: here is the text."
    is_rendered = shown_texts is not None
    html = shown_texts or [shown.rows(one) for one in texts]
    settings = _settings(file.config)
    return Reading(
        content=content,
        views=_views(file.type, view),
        settings=settings[:_MOST_SETTINGS],
        omitted=max(len(settings) - _MOST_SETTINGS, 0),
        tags=file.tags,
        variables=_variables(data[start:].decode(errors="replace"), file),
        declares=bool(file.inputs),
        front=shown.rows(front),
        body=Markup() if messages else html[0],
        parts=[_part(message, one) for message, one in zip(messages, html, strict=False)],
        is_rendered=is_rendered,
        note=note,
    )


def _legible(text: str, content: Content) -> str:
    return text.replace("\r", "") if content.is_crlf else text


def _part(message: Message | Placeholder, html: Markup) -> Part:
    return Part(message.name, None) if isinstance(message, Placeholder) else Part(message.role, html)


def _variables(text: str, file: PromptFile) -> list[Variable]:
    """Those that the front matter declares, in its order, and then the others of the text."""
    used, declared = dict.fromkeys(names_in(text)), {one.name for one in file.inputs}
    found = [Variable(one.name, one.description, _note(one, one.name in used)) for one in file.inputs]
    other = "not declared" if declared else ""
    return found + [Variable(name, "", other) for name in used if name not in declared]


def _note(one: Input, is_used: bool) -> str:
    if not is_used:
        return "declared, and not in the text"
    if one.default is not None:
        return f"default: {_cut(text_of(one.default))}"
    return "required" if one.required else "empty unless given"


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def _settings(config: Json) -> list[Setting]:
    named = config.items() if isinstance(config, dict) else [("config", config)]
    return [_setting(name, value) for name, value in named]


def _setting(name: str, value: Json) -> Setting:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) <= _MOST_SHOWN and "\n" not in text:
        return Setting(name, text)
    return Setting(name, text[:_MOST_SHOWN], text if text is value else json.dumps(value, ensure_ascii=False, indent=2))


def _chosen(kind: str) -> str:
    """The view that is asked for, which is remembered; else the one that was chosen last; else the first one."""
    cookie = f"promptgit-{kind}"
    remembered = request.cookies.get(cookie)
    asked = request.args.get("view")
    if asked in _OFFERED[kind] and asked != remembered:

        @after_this_request
        def remember(response: Response) -> Response:
            response.set_cookie(
                cookie,
                asked,
                max_age=_YEAR,
                path=request.script_root or "/",
                secure=request.is_secure,
                httponly=True,
                samesite="Lax",
            )
            return response

    return next((view for view in (asked, remembered) if view in _OFFERED[kind]), next(iter(_OFFERED[kind])))


def _views(kind: str, chosen: str) -> list[View]:
    assert request.endpoint
    shared = (request.view_args or {}) | {name: request.args[name] for name in _KEPT if name in request.args}
    return [
        View(label, url_for(request.endpoint, **shared, view=view, _anchor="text"), view == chosen)
        for view, label in _OFFERED[kind].items()
    ]
