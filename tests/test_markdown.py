"""Markdown of prompts as HTML: what is hostile does nothing, what is hidden is seen, what takes long is refused."""

from __future__ import annotations

import re

import pytest
from markupsafe import Markup

from promptgit.http.web.markdown import rendered


def one(text: str) -> str:
    (html,) = rendered([text]) or [Markup()]
    return html


def test_markdown_is_rendered_as_people_know_it() -> None:
    html = one(
        "# Title\n### Skipped a level\nTwo\nlines, **bold**, ~~gone~~, `{{code}}`, {{name}}.\n\n"
        "| a | b |\n|---|---|\n| {{x}} | y |\n\n3. three\n   - inner\n\n> quote\n\n```js\nf({{y}})\n```\n"
    )
    for part in (
        "<h3>Title</h3>",  # the page has those above
        "<h4>Skipped a level</h4>",
        "Two<br>\nlines, <strong>bold</strong>, <s>gone</s>",
        '<code><span class="variable">{{code}}</span></code>',
        '<td><span class="variable">{{x}}</span></td>',
        '<ol start="3">',
        "<blockquote>",
        '<pre><span class="language">js</span><span>f(<span class="variable">{{y}}</span>)\n</span></pre>',
    ):
        assert part in html


def test_front_matter_of_another_tool_is_no_heading() -> None:
    html = one("---\ndescription: 'A'\nmode: agent\n---\n# Title\n")
    assert html.startswith("<pre><span>---\ndescription: 'A'\nmode: agent\n---\n</span></pre>")
    assert "<h3>Title</h3>" in html


HOSTILE = (
    "<script>alert(1)</script> <img src=x onerror=alert(1)>\n\n<b onclick=x>b</b>\n\n"
    "[a](javascript:alert(1)) [b](JaVaScRiPt&colon;alert(1)) [c](data:text/html,x) [d](//evil.example) [e](/people)\n"
    "![f](https://evil.example/p.png 'x') ![g](javascript:alert(1)) [![h](http://evil.example/h.png)](http://ok.example)\n"
    '<javascript:alert(1)> [i](https://ok.example/"onmouseover=alert(1)) <mailto:a@b.example>\n\n'
    "```<b>\n</code></pre><script>\n```\n"
    "&#8238;&lt;u&gt;\u200b <!-- a comment -->\n\n[x]: http://a.example (a definition)\n"
)


def test_a_hostile_text_loads_nothing_runs_nothing_and_hides_nothing() -> None:
    html = one(HOSTILE)
    tags = set(re.findall(r"<(\w+)", html))
    assert tags == {"p", "a", "span", "pre", "br"}
    assert set(re.findall(r'<a ([a-z]+)="([a-z]+:)', html)) == {("href", "http:"), ("href", "https:")}
    assert html.count("<a ") == html.count('rel="noopener noreferrer"') == 2
    assert set(re.findall(r"<[^>]* ([a-z]+)=", html)) <= {"href", "rel", "class", "title"}
    assert '<span class="picture">f https://evil.example/p.png</span>' in html
    assert "[a](javascript:alert(1))" in html
    for seen in (">U+202E<", ">U+200B<", "a comment", "a definition", "&lt;b&gt;"):
        assert seen in html


@pytest.mark.parametrize(
    "text",
    [
        *("![" * 45_000, "*a_ " * 25_000, "[a\n" * 30_000, "* a\n\n" * 15_000, "a|b\n-|-\n" + "a|b\n" * 10_000),
        *("x" * 100_001, ">" * 100 + "a", "- " * 100 + "a"),
    ],
    ids=lambda text: text[:12],
)
def test_what_would_take_seconds_is_not_rendered(text: str) -> None:
    """Some of these take the parser 10 s; of others, it would leave out what is nested too deep."""
    assert rendered([text]) is None


def test_depth_does_no_harm() -> None:
    ticks = "".join("`" * at + "a" for at in range(400))
    for text in (">" * 50 + "a", "- " * 25 + "a", "*" * 10_000 + "a" + "*" * 10_000, "`" * 90_000 + "a", ticks):
        assert "a" in re.sub("<[^>]*>", "", one(text))
