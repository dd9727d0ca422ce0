"""The page that shows who wrote each line."""

from __future__ import annotations

import re
from pathlib import Path

from flask.testing import FlaskClient

from tests.pages import page_of, save, words
from tests.support import foreign_commit
from tests.test_api_prompts import ADA, create


def test_a_page_shows_each_line_with_who_wrote_it(client: FlaskClient, repository: Path) -> None:
    """By its number, and with boxes for what cannot be seen; a page has 5,000 lines at most, and says so."""
    name, text = "a", "one\r\ntwo\r\n"
    create(client, name, text, author=ADA)
    save(client, name, text + "\u202e<b>{{x}}\rthree")
    for number in (1, 2):
        assert (
            f'href="{page_of(name)}/versions/{number}/blame"' in client.get(f"{page_of(name)}/versions/{number}").text
        )
    assert f'href="{page_of(name)}/versions/2/blame"' in client.get(page_of(name)).text
    page = client.get(f"{page_of(name)}/versions/2/blame")
    first, second = re.findall(r"<li>(.*?)</li>", page.text, re.S)
    assert [f'href="{page_of(name)}/versions/{at}"' in run for at, run in ((1, first), (2, second))] == [True, True]
    assert ("Ada L." in first, "Ada L." in second) == (True, False)
    assert re.findall(r'class="number">(\d)<', first + second) == ["1", "2", "3"]
    assert f'href="{page_of(name)}/versions/1/blame"' in second
    assert ">U+202E</span>&lt;b&gt;<span class=" in second
    assert [run.count(">CR</span>") for run in (first, second)] == [2, 1]  # line ends are mixed
    save(client, name, "a\r\nb\r\n")
    assert ">CR<" not in client.get(f"{page_of(name)}/versions/3/blame").text
    save(client, name, "")
    assert "This version is empty" in words(client.get(f"{page_of(name)}/versions/4/blame"))
    assert client.get(f"{page_of(name)}/versions/5/blame").status_code == 404
    foreign_commit(repository, {"prompts/a.md": b"x\n" * 5_003})
    long = client.get(f"{page_of(name)}/versions/5/blame")
    assert "3 more lines are not shown here" in words(long)
    assert len(re.findall(r'class="row"', long.text)) == 5_000
