"""Texts on pages: what is invisible is seen, what is dangerous does nothing, what changed is found."""

from __future__ import annotations

import re
import sys
import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptgit.domain import times
from promptgit.http.web import differences, lines, shown, timeline
from promptgit.http.web.blocks import Difference, Folded, Row
from promptgit.http.web.shown import Content
from promptgit.service.catalogue import Point

# Letters of every kind that matters here, and few enough of them to repeat.
_TEXTS = st.text(st.sampled_from("ab c.\n\r\t<éא\u202e🎉"), max_size=60)
_LETTERS = st.text(st.sampled_from("ab .\u202e"), max_size=5)


def seen(html: str) -> str:
    """What a person can read of it."""
    return re.sub(r"<[^>]*>", "", html).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def test_every_character_that_draws_nothing_gets_a_box() -> None:
    """All controls, format characters, private ones and odd spaces of Unicode, but newline and tab."""
    drawn = re.compile("[\u0600-\u0605\u06dd\u0890\u0891\u08e2\U000110bd\U000110cd]")  # Arabic and Kaithi number signs
    odd: list[str] = []
    plain: list[str] = []
    for code in range(sys.maxunicode + 1):
        one = chr(code)
        kind = unicodedata.category(one)
        is_odd = kind in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp") or (kind == "Zs" and one not in " \u3000")
        if is_odd and one not in "\n\t" and not drawn.match(one):
            odd.append(one)
        elif kind[0] in "LNPS" and one not in "\u2800\u115f\u1160\u3164\uffa0\ufffc":
            plain.append(one)
    assert [found.code for found in shown.invisible("a".join([*odd, "\r"]))] == [
        f"U+{ord(one):04X}" for one in odd if one != "\r"
    ]
    assert shown.invisible("".join(plain)) == []


def test_an_override_has_no_effect_and_is_named() -> None:
    html = shown.text("pay \u202e001\u202c now")
    assert "\u202e" not in html
    assert '<span class="invisible" title="RIGHT-TO-LEFT OVERRIDE">U+202E</span>' in html
    assert "U+202E" in shown.line("a\u202eb")


def test_a_segment_of_blanks_alone_is_seen() -> None:
    """A name that came by git may have one, and its link would show nothing; blanks between words stay as they are."""
    for name, told in ((" ", "U+0020"), ("a/\u3000/b", "a/U+3000/b"), ("a/\t", "a/U+0009"), ("\n\n/b", "LFLF/b")):
        assert seen(shown.line(name)) == told
        assert seen(shown.named(name)) == re.sub(r"U\+\w+|LF", lambda found: f"[{found[0]}]", told)
    for name in ("a b/c d", "a / b", "Straße 1/ c"):
        assert seen(shown.line(name)) == shown.named(name) == name


def test_emoji_stay_whole_and_lone_joiners_are_seen() -> None:
    for emoji in ("👩\u200d💻", "❤\ufe0f", "🏳\ufe0f\u200d🌈", "1\ufe0f⃣"):
        assert shown.text(emoji) == emoji
    assert "U+200D" in shown.text("ab\u200dcd")
    assert "U+FE0F" in shown.text("a\ufe0f")


def test_a_title_names_what_cannot_be_seen() -> None:
    assert shown.named("a\u202eb &amp; c\r") == "a[U+202E]b &amp; c[CR]"
    assert shown.named("👩\u200d👩 ❤\ufe0f") == "👩\u200d👩 ❤\ufe0f"


def test_what_looks_like_a_page_is_text() -> None:
    html = shown.text("<script>alert('1')</script> {{<b>}} {{b}} &amp;")
    assert "<script" not in html
    assert '{{&lt;b&gt;}} <span class="variable">{{b}}</span>' in html
    assert "&amp;amp;" in html


def test_an_invisible_character_inside_a_variable_is_seen() -> None:
    assert "U+200B" in shown.text("{{na\u200bme}}")


def test_thousands_of_invisible_characters_do_not_fill_the_page() -> None:
    html = shown.text("a" + "\u200b" * 100_000 + "b")
    assert len(html) < 20_000
    assert "and 99,936 more" in html


def test_invisible_characters_are_listed_with_their_names() -> None:
    found = shown.invisible("a\u200b\u200b\u202e\r\n")
    assert [(one.code, one.count) for one in found] == [("U+200B", 2), ("U+202E", 1)]
    assert found[1].name == "RIGHT-TO-LEFT OVERRIDE"


@given(_TEXTS)
def test_shown_text_is_the_text(text: str) -> None:
    """Nothing is lost or added but boxes, and a line for a CR alone."""
    for html, expected in ((shown.text(text), text), (shown.rows(text), re.sub(r"\r(?!\n)", "\r\n", text))):
        boxes = re.sub(r'<span class="invisible"[^>]*>(.*?)</span>', "□", html)
        assert seen(boxes) == re.sub("[\r\u202e]", "□", expected)


def test_a_line_from_right_to_left_stands_alone() -> None:
    """Chromium would mirror the brackets of the line after it."""
    html = shown.rows("a\n\nשלום (ב)\nf(x)\ny\nسلام\n(z)")
    blocks = ["a\n\n", "שלום (ב)\n", "f(x)\ny\n", "سلام\n", "(z)"]
    assert html == "".join(f"<span>{block}</span>" for block in blocks)


def test_what_begins_a_message_is_no_variable() -> None:
    assert "variable" not in shown.text('{{role "user"}}\n{{placeholder "history"}}\n')


@pytest.mark.parametrize(
    ("data", "facts"),
    [
        (b"", ["empty"]),
        (b"a\n", ["2 bytes", "1 line"]),
        (b"a\r\nb\r\n", ["6 bytes", "2 lines", "line ends CR LF"]),
        (b"a\r\nb\n", ["5 bytes", "2 lines", "mixed line ends"]),
        (b"a", ["1 byte", "1 line", "no newline at the end"]),
        (b"\xef\xbb\xbfa\n", ["5 bytes", "1 line", "byte order mark"]),
        (b"\xff\n", ["2 bytes", "1 line", "not UTF-8: U+FFFD stands for what cannot be read"]),
    ],
)
def test_what_cannot_be_seen_of_a_content_is_told(data: bytes, facts: list[str]) -> None:
    assert Content(data).facts == facts


def test_the_cr_of_a_text_from_windows_is_no_noise() -> None:
    """Throughout, it is a fact of the text; in some lines only, it is a difference that somebody should see."""
    assert seen(Content(b"a\r\nb\r\n").shown) == "a\nb\n"
    assert ">CR<" in Content(b"a\r\nb\n").shown


def browser_sends(text: str) -> str:
    """A text area's value in a form: HTML, "Constructing the entry list" and "normalize newlines"."""
    return re.sub(r"\r\n|\r|\n", "\r\n", text)


@given(_TEXTS)
def test_what_nobody_touched_keeps_every_line_end(text: str) -> None:
    assert lines.restored(browser_sends(text), text) == text


@given(_TEXTS, st.integers(0, 60), _LETTERS)
def test_an_edit_changes_nothing_else(text: str, at: int, added: str) -> None:
    """Letters that somebody types are the only difference, wherever they stand."""
    at = min(at, len(text))
    if text[at - 1 : at + 1] == "\r\n":
        at += 1  # there is no place within one line end
    edited = text[:at] + added + text[at:]
    assert lines.restored(browser_sends(edited), text) == edited


@given(_TEXTS, _TEXTS)
def test_whatever_is_sent_comes_out_line_by_line(sent: str, base: str) -> None:
    def words(text: str) -> list[str]:
        return re.split(r"\r\n|\r|\n", text)

    assert words(lines.restored(browser_sends(sent), base)) == words(sent)


def test_new_lines_end_as_their_neighbours_do() -> None:
    assert lines.restored("a\r\nnew\r\nb\r\n", "a\r\nb\r\n") == "a\r\nnew\r\nb\r\n"
    assert lines.restored("a\r\nnew\r\nb\r\n", "a\nb\n") == "a\nnew\nb\n"
    assert lines.restored("x\r\ny\r\n", "") == "x\ny\n"
    assert lines.restored("A\r\nb\r\nC\r\n", "a\rb\r\nc\n") == "A\rb\r\nC\n"


def sides(difference: Difference) -> tuple[str, str]:
    """The two texts, as the rows have them."""
    old: list[str] = []
    new: list[str] = []
    for block in difference.blocks:
        if isinstance(block, Folded):
            old.append(seen(block.text))
            new.append(seen(block.text))
            continue
        if block.old:
            old.append("".join(piece.text for piece in block.pieces if piece.kind != "new"))
        if block.new:
            new.append("".join(piece.text for piece in block.pieces if piece.kind != "gone"))
    return "\n".join(old), "\n".join(new)


_PARAGRAPHS = st.lists(st.text(st.sampled_from("ab c."), max_size=12), max_size=14).map("\n".join)


def squeezed(text: str) -> list[str]:
    """Its lines without white space, those that are nothing but that left out."""
    return [line for line in ("".join(line.split()) for line in text.split("\n")) if line]


@given(_PARAGRAPHS, _PARAGRAPHS, st.booleans(), st.booleans())
def test_a_difference_holds_both_texts_whole(old: str, new: str, by_word: bool, ignore_space: bool) -> None:
    """Nothing that went or came is hidden, and nothing is invented; what is ignored is counted."""
    if not old or not new:
        return
    texts = (f"{old}\n".encode(), f"{new}\n".encode())
    difference = differences.compare(*texts, by_word=by_word, ignore_space=ignore_space)
    found = sides(difference)
    assert found[1] == new
    assert (squeezed(found[0]) == squeezed(old)) if ignore_space else found[0] == old
    column = [row for row in difference.column if isinstance(row, Row)]
    for side in ("old", "new"):
        numbers = [getattr(row, side) for row in column if getattr(row, side)]
        assert numbers == sorted(set(numbers)), "both are in order, in one column too"
    is_same = squeezed(old) == squeezed(new) if ignore_space else old == new
    assert (difference.added == difference.removed == 0) == is_same
    assert bool(difference.spaced) == any(block.spaced for block in difference.blocks)
    assert ignore_space or not difference.spaced


def pieces(old: str, new: str) -> list[tuple[str, str]]:
    """The pieces of the one row of two lines."""
    (row,) = differences.compare(old.encode(), new.encode()).blocks
    assert isinstance(row, Row)
    return [(piece.kind, piece.text) for piece in row.pieces]


def test_words_are_compared_within_a_paragraph() -> None:
    assert pieces("Greet them warmly, then ask.\n", "Greet them by name, then ask.\n") == [
        ("same", "Greet them "),
        ("gone", "warmly"),
        ("new", "by name"),
        ("same", ", then ask."),
    ]


def test_lines_that_have_nothing_in_common_stay_whole() -> None:
    (row,) = differences.compare(b"one two three\n", b"quite another thing\n").blocks
    assert isinstance(row, Row)
    assert (row.apart, [piece.kind for piece in row.pieces]) == (True, ["gone", "new"])
    old, new = b"a\nb\nc\nsame\n", b"x\ny\nsame\n"
    rows = differences.compare(old, new, by_word=False).column
    assert [(row.old, row.new) for row in rows] == [(1, None), (2, None), (3, None), (None, 1), (None, 2), (4, 3)]


def test_a_changed_paragraph_is_found_behind_a_new_one() -> None:
    old = "Answer in the customer's language, and be brief.\n"
    new = "Be kind to whoever asks.\nAnswer in the customer's own language, and be brief.\n"
    rows = [block for block in differences.compare(old.encode(), new.encode()).blocks if isinstance(block, Row)]
    assert [(row.old, row.new, row.kind) for row in rows] == [(None, 1, "new"), (1, 2, "changed")]


def test_ignored_white_space_is_counted_and_shown_as_it_is() -> None:
    old = b"head\n  - one\n\n\ntwo three\r\na b c\nend"
    new = b"head\n- one\n\ntwo  three\na b d\nend\n"
    difference = differences.compare(old, new, ignore_space=True)
    assert (difference.added, difference.removed, difference.spaced) == (1, 1, 4)
    rows = [block for block in difference.blocks if isinstance(block, Row)]
    assert [row.kind for row in rows] == ["same", "same", "same", "same", "same", "changed", "same"]
    assert (rows[1].side(gone=True), rows[1].side(gone=False), rows[1].merged) == ("  - one", "- one", "- one")
    assert "no newline" in rows[-1].side(gone=True)
    assert "no newline" not in rows[-1].merged
    nbsp = differences.compare(b"a b\n", "a\u00a0b\n".encode(), ignore_space=True)
    assert (nbsp.added, nbsp.spaced) == (1, 0), "what cannot be told from a space is never hidden"
    long = b"".join(b"line %d\n" % at for at in range(50))
    folded = differences.compare(long + b"x\n", long.replace(b"line 7\n", b"line  7\n") + b"y\n", ignore_space=True)
    assert [(block.count, block.spaced) for block in folded.blocks if isinstance(block, Folded)] == [(48, 1)]


def test_lines_are_compared_as_wholes_where_that_is_asked_for() -> None:
    (row,) = differences.compare(b"one two three\n", b"one two four\n", by_word=False).blocks
    assert isinstance(row, Row)
    assert (row.apart, [piece.kind for piece in row.pieces]) == (True, ["gone", "new"])


def test_a_newline_that_the_end_lost_is_shown() -> None:
    difference = differences.compare(b"a\nb\n", b"a\nb")
    assert (difference.added, difference.removed) == (1, 1)
    last = difference.blocks[-1]
    assert isinstance(last, Row)
    assert "no newline" in last.side(gone=False)
    assert "no newline" not in last.side(gone=True)


def test_a_changed_line_end_is_shown() -> None:
    (row,) = differences.compare(b"a b c d\r\n", b"a b c d\n").blocks
    assert isinstance(row, Row)
    assert ">CR<" in row.side(gone=True)
    assert ">CR<" not in row.side(gone=False)


def test_what_did_not_change_is_folded() -> None:
    text = [f"line {at}" for at in range(1, 101)]
    changed = [*text[:49], "line fifty", *text[50:]]
    blocks = differences.compare("\n".join(text).encode(), "\n".join(changed).encode()).blocks
    folds = [(block.old, block.new, block.count) for block in blocks if isinstance(block, Folded)]
    assert folds == [(1, 1, 47), (53, 53, 48)]
    assert len(blocks) == 7


def test_a_long_line_is_folded_around_its_change() -> None:
    words = " ".join(f"word{at}" for at in range(30_000))
    (row,) = differences.compare(words.encode(), words.replace("word15000", "other").encode()).blocks
    assert isinstance(row, Row)
    assert row.side(gone=True).count("<details") == 2
    assert "<del>word15000</del>" in row.merged.replace(" ", "") or "word15000</del>" in row.merged


def test_a_pair_that_is_too_large_is_compared_by_lines() -> None:
    old, new = "a b c " * 60_000, "b c a d " * 50_000
    (row,) = differences.compare(old.encode(), new.encode()).blocks
    assert isinstance(row, Row)
    assert row.apart


def test_a_difference_of_a_hundred_thousand_lines_says_what_it_leaves_out() -> None:
    old, new = (b"".join(b"%d %d\n" % (side, at) for at in range(50_000)) for side in (1, 2))
    difference = differences.compare(old, new)
    assert (difference.removed, difference.added) == (50_000, 50_000)
    assert len(difference.blocks) <= 5_000
    assert difference.omitted == 100_000 - sum(bool(row.old) + bool(row.new) for row in difference.blocks)


def test_times_are_told_in_words() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    told = [
        (0, "just now"),
        (-50, "just now"),
        (60, "1 minute ago"),
        (7_300, "2 hours ago"),
        (86_400 * 45, "45 days ago"),
    ]
    told += [(86_400 * 70, "2 months ago"), (86_400 * 800, "2 years ago")]
    assert [times.ago(now - timedelta(seconds=seconds), now) for seconds, _ in told] == [words for _, words in told]


def test_a_timeline_of_times_that_go_back_stays_within_its_frame() -> None:
    drawn = timeline.draw([Point(1, 500, 10), Point(2, 100, 20), Point(3, 900, None), Point(4, 300, 5)])
    assert drawn.sizes
    places = [int(place) for place in re.findall(r"M(\d+)", drawn.strokes + drawn.newest)]
    steps = [int(place) for place in re.findall(r"[MH](\d+)", drawn.sizes.path)]
    assert steps == sorted(steps)
    places += steps
    assert all(0 <= place <= timeline.WIDTH for place in places)
    assert (drawn.first.timestamp(), drawn.last.timestamp()) == (100, 900)
    assert timeline.draw([Point(1, 5, 1)]).strokes == ""
