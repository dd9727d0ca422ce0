"""Markdown as a page shows it: without images, without HTML of its own, and with nothing hidden.

What a rendering may cost is bounded: hostile Markdown of 100 KB takes any parser written in Python seconds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markupsafe import Markup, escape

from promptgit.http.web import shown

_MOST_CHARACTERS = 100_000
_MOST_STEPS = 30_000  # at most 1 s of a core (markdown-it-py 4.3, 2026-11); a real prompt of 50 KB takes 5,000
_MOST_TOKENS = 30_000
_DEEPEST = 60  # levels of lists and quotations
_TOP = 3  # the level of a text's first heading: the page has those above
_FENCED = re.compile(r"\ufeff?---[ \t]*\n(?=[\w-]+[ \t]*:)(?:.*\n)*?---[ \t]*(?:\n|\Z)")

_TAGS = {
    *("a", "blockquote", "br", "code", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s", "span"),
    *("strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}
_ATTRIBUTES = {"a": {"href"}, "ol": {"start"}, "span": {"class", "title"}}  # a text has no spans of its own
_SCHEMES = {"http", "https"}


class _TooMuch(Exception):
    """It would take too long to render a text."""


class _Steps:
    """The steps that the texts of a page have left."""

    def __init__(self) -> None:
        self.left = _MOST_STEPS

    def take(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise _TooMuch


class _Inline(ParserInline):
    """Counts each token that is looked for or looked over: nested brackets look over the same ones many times."""

    def __init__(self, steps: _Steps) -> None:
        super().__init__()
        self._steps = steps

    def skipToken(self, state: StateInline) -> None:  # noqa: N802  # the library's
        self._steps.take()
        super().skipToken(state)


class _Markdown(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802  # the library's
        """True for http and https: all other links, and those within this site, stay the text that they are."""
        return re.match(r"https?://", url, re.IGNORECASE) is not None


def rendered(texts: Sequence[str]) -> list[Markup] | None:
    """Each of these texts, whose lines end in LF, as HTML that is safe on any page.

    None if together they have more than 100,000 characters, or are so nested that it would take long.
    """
    if sum(map(len, texts)) > _MOST_CHARACTERS:
        return None
    markdown = _parser(_Steps())
    try:
        return [_rendered(markdown, text) for text in texts]
    except _TooMuch:
        return None


def _rendered(markdown: MarkdownIt, text: str) -> Markup:
    front = _FENCED.match(text)  # of another tool
    html = f"<pre>{shown.rows(front[0])}</pre>" if front else ""
    html += markdown.render(text[front.end() :] if front else text)
    return Markup(nh3.clean(html, tags=_TAGS, attributes=_ATTRIBUTES, url_schemes=_SCHEMES))  # noqa: S704


def _parser(steps: _Steps) -> MarkdownIt:
    """A parser of CommonMark with GitHub's tables and strikethrough, which keeps the ends of lines."""
    options: dict[str, Any] = {"html": False, "breaks": True, "maxNesting": _DEEPEST}
    markdown = _Markdown("commonmark", options).enable("table")
    markdown.disable("reference")  # a definition would not be seen
    markdown.inline = _Inline(steps)

    def inline(*_: Any) -> bool:
        steps.take()
        return False  # it matches nothing

    def block(state: StateBlock, *_: Any) -> bool:
        steps.take()
        # The cells of tables are tokens without steps; and what is nested deeper, the library leaves out.
        if len(state.tokens) > _MOST_TOKENS or state.level > _DEEPEST - 3:
            raise _TooMuch
        return False

    markdown.inline.ruler.before("text", "steps", inline)
    markdown.block.ruler.before("table", "steps", block, {"alt": ["paragraph", "blockquote", "list"]})
    markdown.core.ruler.after("block", "headings", _level)
    for kind, rule in (("text", _text), ("code_inline", _code), ("fence", _block), ("code_block", _block)):
        markdown.add_render_rule(kind, rule)
    markdown.add_render_rule("image", _image)
    return markdown


def _level(state: StateCore) -> None:
    """Put headings below those of the page, without leaving out a level."""
    level = _TOP - 1
    for token in state.tokens:
        if token.type == "heading_open":
            level = min(int(token.tag[1]) + _TOP - 1, level + 1, 6)
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{level}"


def _text(_renderer: RendererHTML, tokens: Sequence[Token], at: int, *_: Any) -> str:
    return str(shown.text(tokens[at].content))


def _code(_renderer: RendererHTML, tokens: Sequence[Token], at: int, *_: Any) -> str:
    return f"<code>{shown.text(tokens[at].content)}</code>"


def _block(_renderer: RendererHTML, tokens: Sequence[Token], at: int, *_: Any) -> str:
    info = tokens[at].info.strip()
    language = f'<span class="language">{shown.text(info)}</span>' if info else ""
    return f"<pre>{language}{shown.rows(tokens[at].content)}</pre>\n"


def _image(_renderer: RendererHTML, tokens: Sequence[Token], at: int, *_: Any) -> str:
    """Its words and its address: a page loads nothing from elsewhere, and tells nobody who reads it."""
    token = tokens[at]
    return f'<span class="picture">{shown.text(token.content)} {escape(token.attrs["src"])}</span>'
