"""Texts that somebody sends who means harm, as names, descriptions, authors, labels, contents and queries."""

from __future__ import annotations

import unicodedata

from tests.faults.hostile_injections import INJECTIONS, MARK

_TRAVERSAL = [
    *(f"{'../' * depth}{MARK}" for depth in (1, 2, 3, 8)),
    *(
        f"a/{step}/{MARK}"
        for step in ("..", ".", "...", ". .", "..;", "%2e%2e", "%252e%252e", "..%2f", "..%c0%af", "．．")
    ),
    *(
        f"{root}{MARK}"
        for root in (
            "/",
            "//",
            "/tmp/",
            "\\",
            "..\\..\\",
            "C:\\",
            "C:",
            "\\\\host\\share\\",
            "file:///tmp/",
            "~/",
            "~root/",
        )
    ),
    f"/proc/self/cwd/{MARK}",
    f"refs/heads/{MARK}",
    f"../refs/heads/{MARK}",
    f"prompts/{MARK}.md",
    f"labels/production/{MARK}",
    f"main:{MARK}",
    "HEAD",
    "main",
    "@",
    "@{-1}",
    "main^{tree}",
    "refs/promptgit/lost/x",
]
_OPTIONS = [
    "-x",
    "--",
    f"--upload-pack=touch {MARK}",
    f"--output={MARK}",
    f"-c core.pager={MARK}",
    "-",
    ":(top)*",
    ":!x",
    ":/",
    "*",
    "[a-z]",
    "?",
]
_GITS_OWN = [
    *(
        ".git",
        ".GIT",
        ".Git",
        "git~1",
        "GIT~1",
        "git~2",
        ".git.",
        ".git ",
        ".git...",
        ".git::$INDEX_ALLOCATION",
        ".git\\config",
    ),
    *(
        ".g\u200cit",
        ".gi\u200dt",
        "\u200e.git",
        ".\u2060git",
        ".gi\ufefft",
        ".git\u200f",
        "\u202a.git",
        ".ｇｉｔ",
        ".gıt",
        ".gİt",
    ),
    *(
        ".gitmodules",
        ".gitattributes",
        ".gitignore",
        ".mailmap",
        "gitmod~1",
        "gi7eba~1",
        "gitatt~1",
        "a.lock",
        "a.git",
        "a.GIT/b",
    ),
    *(f"a/{name}/{MARK}" for name in (".git", ".GIT", "git~1", ".git/hooks", ".git\u200c")),
    "main.lock",
    "packed-refs",
    "a.md",
    ".md",
]
_WINDOWS = [
    *(
        "con",
        "CON",
        "prn",
        "aux",
        "nul",
        "NUL.txt",
        "com1",
        "COM¹",
        "lpt9",
        "lpt³.x",
        "conin$",
        "CONOUT$",
        "a/con/b",
        "con .x",
        "clock$",
    ),
    *("a.", "a ", "a. .", "a:b", "a::$DATA", 'a"b', "a|b", "a<b", "a>b", "a?b", "a*b", "a\\b", "LONGNA~1", "a~1"),
]
_CONTROLS = [f"a{chr(code)}b" for code in (*range(0x20), *range(0x7F, 0xA0))]
_INVISIBLE = [
    f"a{one}b"
    for one in "\u00ad\u034f\u061c\u115f\u17b4\u180e\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d"
    "\u202e\u2060\u2061\u2066\u2067\u2068\u2069\u206a\u3164\ufe0f\ufeff\uffa0\ufff9\ufffe\uffff\U000e0001\U000e0041\U000e0100\U0010ffff"
]
_BLANKS = [
    "",
    " ",
    "\t",
    "\n",
    "\r\n",
    " / ",
    "/ /",
    "a//b",
    "//",
    "/",
    "\u00a0",
    "\u3000",
    "\u2003",
    "\u1680",
    " a",
    "a ",
    "a/ b",
]
_SURROGATES = ["\ud800", "a\udfff", "\ud83d", "\ude00\ud83d", "\udc80\udcff"]
_FORMS = [
    *(
        "é",
        "e\u0301",
        "\u212b",
        "ﬁ",
        "ß",
        "ẞ",
        "SS",
        "İ",
        "i̇",
        "ı",
        "K",
        "\u1100\u1161",
        "가",
        "が",
        "か\u3099",
        "ᾳ",
        "ΑΙ",
        "σ",
        "ς",
        "Ꭰ",
        "ꭰ",
    ),
    "e" + "\u0301" * 99,
    "Z\u0351\u036b\u0343\u036a\u0302" * 15,
    *(
        "ａ",
        "𝐚",
        "а",
        "ɑ",
        "١٢٣",
        "१२३",
        "１２３",
        "²",
        "½",
        "Ⅷ",
        "\U0001d7d9",
        "1e3",
        "+1",
        "0x1",
        "1_000",
        "-0",
        "00",
        "９９９",
    ),
    "👩\u200d💻",
    "🏳\ufe0f\u200d🌈",
    "\U0001f1e9\U0001f1ea",
    "\u0627\u0644\u0639\u0631\u0628\u064a\u0629",
    "\ufdfa" * 18,
]
_LONG = [
    "n" * 100,
    "n" * 101,
    "n/" * 100,
    "n/" * 5_000,
    "東" * 80,
    "東" * 81,
    "n" * 201,
    "n" * 70_000,
    "é" * 9_999,
    "/" * 3_000,
    "." * 300,
]
TEXTS = list(
    dict.fromkeys(
        _TRAVERSAL
        + _OPTIONS
        + _GITS_OWN
        + _WINDOWS
        + _CONTROLS
        + _INVISIBLE
        + _BLANKS
        + _SURROGATES
        + _FORMS
        + [unicodedata.normalize("NFD", text) for text in _FORMS[:15]]
        + _LONG
        + INJECTIONS
    )
)
"""Each is a name, a description, an author, a label, a content, a query; all of them different."""
