"""Contents that want to be read for ever, or to become many times as large; and bodies that are no requests."""

from __future__ import annotations

import json

from tests.faults.hostile_injections import MARK, SCRIPT

_LAUGHS = "".join(
    f"l{at}: &l{at} [{', '.join([f'*l{at - 1}'] * 9)}]\n" if at else "l0: &l0 [x, x, x]\n" for at in range(9)
)
CONTENTS = [
    f"---\nconfig:\n  {_LAUGHS.replace(chr(10), chr(10) + '  ')}\n---\nx",
    f"---\n{_LAUGHS}---\nx",
    "---\nconfig: &a [*a]\n---\nx",
    *(
        f"---\nconfig: {tag}\n---\nx"
        for tag in (
            f"!!python/object/apply:os.system [touch {MARK}]",
            "!!python/name:os.system",
            "!!binary x",
            "!!set {a}",
            "!!int x",
            "!a b",
        )
    ),
    "---\nconfig: " + "[" * 5_000 + "\n---\nx",
    "---\nconfig: " + "{a: " * 4_000 + "\n---\nx",
    "---\n" + "a" * 10_000 + ": &b\n---\n",
    "---\nconfig: {a: .inf, b: .nan, c: 1e999, d: 0o777, e: 190:20:30, f: 2001-12-14t21:59:43.10-05:00}\n---\nx",
    "---\ntype: chat\n---\n" + '{{role "user"}}\nx\n' * 500,
    '---\ntype: chat\n---\n{{role "' + "a" * 9_000,
    "---\ninput:\n  default:\n    a: {{{{a}}}}\n---\n{{a}}",
    "---\n" * 4_000,
    "{{" * 9_000,
    "{{a" * 6_000,
    "{{#if a}}" * 2_000,
    " ".join(f"{{{{v{number}}}}}" for number in range(2_000)),
    "@@@langfusePrompt:name=" * 800,
    "[" * 15_000,
    "![" * 7_000 + "](" * 100,
    "> " * 9_000,
    "- " * 5_000 + "x",
    "`" * 9_999,
    "*a_ " * 4_000,
    "<" * 15_000,
    "&#x41;" * 3_000,
    "| a " * 2_000 + "|\n" + "| - " * 2_000 + "|\n",
    "\r" * 15_000,
    "\n" * 15_000,
    "a\r\n\rb\n\r" * 1_000,
    "\u2028\u2029\x85\x1c\x1d\x1e" * 1_000,
    "e\u0301" * 5_000,
    "\u202e" * 5_000,
    "\ufeff" * 5,
    "x" * 19_999,
]
"""Contents that want to be read for ever, or to become many times as large; each of fewer than 20,000 bytes."""

BODIES = [
    b"",
    b"\0",
    b"\xff\xfe{\0}\0",
    b"\xef\xbb\xbf{}",
    b"null",
    b"[]",
    b'""',
    b"0",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"content":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    b'{"changes":[' + b"[" * 900 + b"]" * 900 + b"]}",
    b'{"content": "a", "content": "b", "name": "x", "name": "y"}',
    b'{"content": 1e999, "name": NaN}',
    b'{"content": ' + b"9" * 5_000 + b"}",
    b'{"version_number": 99999999999999999999999999, "label": "x", "from": "y", "state": "success"}',
    b'{"content": "\\ud800", "description": "\\udfff", "name": "\\ud800"}',
    b'{"content": "\\u0000", "name": "\\u0000", "description": "\\u0000"}',
    b'{"\\ud800": 1, "\\u0000": 2, "": 3, "__proto__": {"a": 1}}',
    b'{"author": {"name": {}, "email": []}, "content": {}, "description": []}',
    b'{"changes": [' + b"{}," * 2_000 + b"{}]}",
    b'{"items": [' + b"null," * 2_000 + b"null]}",
    b'{"jsonrpc": "2.0", "id": {}, "method": "prompts/list", "params": []}',
    b"[" + b'{"jsonrpc": "2.0", "id": 1, "method": "ping"},' * 60 + b"1]",
    json.dumps({text: text for text in ("a\nb", SCRIPT, "{{7*7}}", "é", "\u202e")}).encode(),
    b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--x--",
    b"a=b&c=%ff&csrf_token=x",
]
"""Bodies of requests that are no JSON, not what is asked for, or too deep."""
