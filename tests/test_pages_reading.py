"""How a prompt's text is shown: as messages, as text, or rendered; with its settings, and to be copied exactly."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from flask.testing import FlaskClient

from tests.pages import page_of, save, send, told, words
from tests.test_api_prompts import create

CHAT = """\
---
type: chat
config:
  model: gpt-4o  # the cheap one
  temperature: 0.2
  schema: {description: "%s"}
tags: [support, "fr\u202eont"]
---
{{role "system"}}
You help customers of **{{company}}**.
{{placeholder "history"}}
{{role "assistant"}}
{{role "us\u202eer"}}
{{question}}
""" % ("long " * 40)


class _Page(HTMLParser):
    """What can be told of a page: its button that copies, its table of settings, its views."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.copied, self.views, self.chosen = "", dict[str, str](), ""
        self._link = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if "data-copies" in found:
            self.copied = found["value"] or ""
        if tag == "a" and "view=" in (found["href"] or ""):
            self._link = found["href"] or ""
            self.chosen = self.chosen or ("?" if "aria-current" in found else "")

    def handle_data(self, data: str) -> None:
        if self._link:
            self.views[data] = self._link
            self.chosen = data if self.chosen == "?" else self.chosen
        self._link = ""


def read(client: FlaskClient, address: str) -> tuple[str, _Page]:
    answer = client.get(address)
    assert answer.status_code == 200
    return words(answer), _Page(answer.text)


def test_a_chat_is_shown_by_its_messages(client: FlaskClient) -> None:
    create(client, "chat", CHAT)
    html = client.get(page_of("chat")).text
    told, page = read(client, page_of("chat"))
    assert (list(page.views), page.chosen) == (["Messages", "Text", "Rendered"], "Messages")
    assert len(re.findall(r'<h3 class="role">', html)) == 3
    assert "system You help customers of **{{company}}**." in told
    assert "Placeholder: history messages are put in here" in told
    assert "assistant Empty" in told
    assert "usU+202Eer {{question}}" in told
    assert '<span class="variable">{{question}}</span>' in html
    assert "{{placeholder" not in told


def test_settings_and_tags_stand_in_a_table_and_as_they_were_written(client: FlaskClient) -> None:
    create(client, "chat", CHAT)
    create(client, "foreign", "---\nmode: agent\n---\nText")
    create(client, "many", "---\nconfig: {{{}}}\n---\n".format(", ".join(f"key{at}: {at}" for at in range(150))))
    create(client, "bare", "---\ntype: text\nconfig: 7\n---\n---\nconfig: none\n---\n")
    html = client.get(page_of("chat")).text
    rows = [re.sub(r"<[^>]*>", "", row).strip() for row in re.findall(r"<tr>(.*?)</tr>", html, re.S)]
    assert [re.sub(r"\s+", " ", row) for row in rows if "schema" not in row] == [
        "model gpt-4o",
        "temperature 0.2",
        "tagssupport frU+202Eont",
        "variables{{company}} {{question}}",
    ]
    assert "# the cheap one" in words(client.get(page_of("chat")))
    assert "<table" not in client.get(page_of("foreign")).text  # the whole file is text
    assert "mode: agent" in words(client.get(page_of("foreign")))
    told = words(client.get(page_of("many")))
    assert "key99" in told
    assert "50 others, below" in told
    assert "This version has no text." in told
    told = words(client.get(page_of("bare")))
    assert "config 7" in told
    assert "--- config: none ---" in told


def test_variables_are_listed_with_what_the_prompt_declares_of_them(client: FlaskClient) -> None:
    """On the pages of the prompt and of a version; what does not fit the text is told there, and when it is saved."""
    declared = "to: {description: Whom, default: you}, topic: , tone: {required: false}, spare: {default: 1}"
    content = f"---\ninput: {{{declared}}}\n---\n" + "{{to}} {{topic}} {{tone}} {{other}} {{to}}"
    answer = send(client, "/new", name="declaring", content=content)
    assert told(client, answer) == (
        "Created “declaring”. The text does not declare {{other}} and declares {{spare}} without using it."
    )
    for page in (page_of("declaring"), page_of("declaring") + "/versions/1"):
        assert (
            "{{to}} Whom · default: you {{topic}} required {{tone}} empty unless given "
            "{{spare}} declared, and not in the text {{other}} not declared"
        ) in words(client.get(page))
    create(client, "plain", " ".join(f"{{{{v{at}}}}}" for at in range(150)))
    assert "{{v98}} {{v99}} and more50 others, in the text" in words(client.get(page_of("plain")))
    create(client, "none", "Hello")
    assert "variables" not in words(client.get(page_of("none")))


def test_a_view_is_remembered_for_texts_of_its_type(client: FlaskClient) -> None:
    create(client, "chat", CHAT)
    create(client, "plain", "# Title\n")
    for name in ("chat", "plain"):
        save(client, name, CHAT + "!" if name == "chat" else "# Other title\n")
    _, page = read(client, page_of("chat") + "?before=2")
    assert "before=2" in page.views["Text"]
    told, _ = read(client, page.views["Text"])
    assert '{{role "system"}} You help' in told.replace("&#34;", '"')
    _, page = read(client, page_of("chat") + "/versions/1")
    assert page.chosen == "Text"
    assert read(client, page_of("plain"))[1].chosen == "Text"
    assert read(client, page_of("plain") + "/versions/1?view=rendered")[1].chosen == "Rendered"
    assert "<h3>Other title</h3>" in client.get(page_of("plain")).text
    assert read(client, page_of("chat"))[1].chosen == "Text"
    html = client.get(page_of("chat") + "?view=rendered").text
    assert '<strong><span class="variable">{{company}}</span></strong>' in html
    for nonsense in ("messages", "nonsense", "Text"):
        assert read(client, page_of("plain") + f"?view={nonsense}")[1].chosen == "Rendered"
    cookie = client.get_cookie("promptgit-chat")
    assert cookie
    assert (cookie.value, cookie.path, cookie.http_only, cookie.same_site) == ("rendered", "/", True, "Lax")


@pytest.mark.parametrize(
    "text",
    [
        "a\r\nb\n\rc\n",
        "\n\n x &amp;\"'<b>\t",
        "\ufeff\u202e\x07\x85\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
        CHAT.replace("\n", "\r\n"),
    ],
)
def test_what_is_copied_is_the_text(client: FlaskClient, text: str) -> None:
    create(client, "a", text)
    for view in ("text", "rendered"):
        answer = client.get(f"{page_of('a')}?view={view}")
        # HTML, "Preprocessing the input stream": line ends that are no references become LF.
        assert _Page(answer.text.replace("\r\n", "\n").replace("\r", "\n")).copied == text
    if text.endswith("\r\n"):
        assert ">CR<" not in client.get(page_of("a")).text


def test_what_is_too_much_is_shown_as_text_and_says_so(client: FlaskClient) -> None:
    create(client, "deep", ">" * 100 + "a")
    create(client, "long", "---\ntype: chat\n---\n" + '{{role "user"}}\n' * 501)
    for name, note in (("deep", "too nested, to be rendered"), ("long", "501 messages are too many")):
        answer = client.get(f"{page_of(name)}?view=rendered")
        assert answer.status_code == 200
        assert note in words(answer)
        assert '<pre class="content"' in answer.text
