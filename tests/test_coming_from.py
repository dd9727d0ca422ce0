"""docs/coming-from/: whoever comes from another tool brings the prompts along, as each page says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from promptgit.domain import front_matter, messages
from promptgit.service.service import Service
from promptgit.store.store import Store
from tests.documents import marked, shell
from tests.support import Server, git

Prompts = dict[str, list[tuple[Any, Any]]]


def taken(folder: Path) -> tuple[Prompts, dict[str, dict[str, int]]]:
    """Of each prompt in a data folder what its versions say, prompt and config, and where its labels point."""
    service = Service(Store(folder, lock_timeout=5), 1)
    prompts, labels = {}, {}
    for prompt in service.list(limit=99):
        files = [
            front_matter.parse(service.content(service.version(prompt.id, number)))
            for number in range(1, prompt.newest.number + 1)
        ]
        prompts[prompt.name] = [(messages.prompt_of(file), file.config) for file in files]
        labels[prompt.name] = prompt.labels
    return prompts, labels


@contextmanager
def recorded(answers: Mapping[str, object]) -> Iterator[str]:
    """The URL of a service that has these answers, by path with query, or by path and body of a POST; 404 else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            answer = answers.get(self.path + (f" {body}" if body else ""))
            self.send_response(404 if answer is None or self.headers["X-API-Key"] != "key" else 200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def bring(page: str, program: str, folder: Path, answers: Mapping[str, object], setting: str, key: str) -> str:
    """Run a page's program against recorded answers, and its commands; what the program said."""
    (source,) = marked(page, "python")
    (script,) = marked(page, "sh")
    (folder / program).write_text(source)
    with recorded(answers) as url:
        shell(f"( {script} ) 2> said", folder, **{setting: url, key: "key"})
    return (folder / "said").read_text()


@pytest.mark.server
def test_a_folder_of_files_comes_along(tmp_path: Path) -> None:
    pushed, imported = marked("coming-from/files.md", "sh")
    app = tmp_path / "app"
    (app / "app" / "prompts" / "support").mkdir(parents=True)
    git(app, "init", "-q")
    for content in ("Bye", "Good bye"):
        (app / "app" / "prompts" / "support" / "farewell.txt").write_text(content)
        git(app, "add", "-A")
        git(app, "commit", "-q", "-m", f"Say {content}")
    shell(imported, tmp_path)
    assert taken(tmp_path / "data")[0] == {"support/farewell": [("Bye", {}), ("Good bye", {})]}
    with Server(tmp_path / "data") as server:
        shell(pushed, tmp_path, PROMPTGIT_URL=server.url)
    prompts, labels = taken(tmp_path / "data")
    assert prompts["support/greeting"] == [("Hello {{name}}!\n", {})]
    assert labels["support/greeting"] == {"production": 1}


def test_prompt_objects_of_openai_come_along(tmp_path: Path) -> None:
    (script,) = marked("coming-from/openai.md", "sh")
    shell(script, tmp_path)
    prompts, labels = taken(tmp_path / "data")
    user = {"role": "user", "content": "{{issue}}"}
    brief = {"role": "developer", "content": "You help customers of {{company}}.\nBe brief."}
    assert prompts["support/reply"] == [
        ([brief, user], {"model": "gpt-4o", "temperature": 0.2}),
        ([{"role": "developer", "content": "You help customers of {{company}}."}, user], {"model": "gpt-5.1"}),
    ]
    assert labels == {"support/reply": {"production": 2}}


def promptlayer_item(version: int, template: object, **more: object) -> dict[str, object]:
    return {"id": 1, "prompt_name": "Reply to all", "version": version, "prompt_template": template, **more}


def text_parts(*texts: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": text} for text in texts]


def test_prompts_of_promptlayer_come_along(tmp_path: Path) -> None:
    completion = {"type": "completion", "template_format": "f-string", "input_variables": ["name"]}
    model = {"provider": "openai", "name": "gpt-4o", "parameters": {"temperature": 0.5}}
    image = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    chat = {
        "type": "chat",
        "messages": [
            {"role": "system", "template_format": "jinja2", "content": text_parts("You help {{ company }}.")},
            {"role": "placeholder", "name": "history"},
            {"role": "user", "template_format": "f-string", "content": [*text_parts("{question}"), image]},
        ],
        "tools": [{"type": "function", "function": {"name": "look_up"}}],
    }
    versions = {
        1: promptlayer_item(1, completion | {"content": text_parts('Dear {name}, {{"a": 1}}')}, commit_message="First"),
        2: promptlayer_item(2, completion | {"content": text_parts('As {"a": 1}')}),
        4: promptlayer_item(4, chat, metadata={"model": model}, tags=["mail"]),
    }
    last = {"has_next": False, "next_num": None}
    answers: dict[str, object] = {
        "/prompt-templates?page=1&per_page=100": {"items": [], "has_next": True, "next_num": 2},
        "/prompt-templates?page=2&per_page=100": {"items": [versions[4]], **last},
        "/prompt-templates?page=1&per_page=100&label=prod": {"items": [versions[2]], **last},
        "/prompt-templates?page=1&per_page=100&label=staging": {"items": [], **last},
    }
    for number, version in versions.items():
        body = {"version": number, "skip_input_variable_rendering": True}
        answers[f"/prompt-templates/Reply%20to%20all {json.dumps(body)}"] = version
    page, program = "coming-from/promptlayer.md", "export_promptlayer.py"
    said = bring(page, program, tmp_path, answers, "PROMPTLAYER_URL", "PROMPTLAYER_API_KEY")
    assert "Reply to all, version 4: without its image_url\n" in said
    prompts, labels = taken(tmp_path / "data")
    assert prompts["Reply to all"] == [
        ('Dear {{name}}, {"a": 1}', {}),
        ('As {"a": 1}', {}),
        (
            [
                {"role": "system", "content": "You help {{ company }}."},
                {"type": "placeholder", "name": "history"},
                {"role": "user", "content": "{{question}}"},
            ],
            {"model": "gpt-4o", "temperature": 0.5, "tools": chat["tools"]},
        ),
    ]
    assert labels == {"Reply to all": {"prod": 2}}


def constructor(kind: str, **kwargs: object) -> dict[str, object]:
    """An object as LangChain writes it down."""
    return {"lc": 1, "type": "constructor", "id": ["langchain", "prompts", kind], "kwargs": kwargs}


def template(text: str, format_: str = "f-string") -> dict[str, object]:
    return constructor("PromptTemplate", template=text, template_format=format_, input_variables=[])


def test_prompts_of_langsmith_come_along(tmp_path: Path) -> None:
    chat = constructor(
        "ChatPromptTemplate",
        messages=[
            constructor("SystemMessagePromptTemplate", prompt=template("You help {company}. {{}}")),
            constructor("MessagesPlaceholder", variable_name="history"),
            constructor("AIMessage", content="How can I help?"),
            constructor("HumanMessagePromptTemplate", prompt=template("{{question}}", "mustache")),
        ],
    )
    image = constructor("HumanMessagePromptTemplate", prompt=[template("{a}"), constructor("ImagePromptTemplate")])
    manifests = {
        "aaaa000000": template("Help with {topic}"),
        "bbbb000000": constructor("ChatPromptTemplate", messages=[image]),
        "cccc000000": constructor("RunnableSequence", first=chat, last=constructor("ChatOpenAI")),
    }
    commits = [
        {"commit_hash": hash_, "created_at": f"2026-01-0{day}T10:00:00.123456Z", "description": why, "full_name": who}
        for day, hash_, why, who in (
            (3, "cccc000000", "As a chat", "Ada L."),
            (2, "bbbb000000", None, None),
            (1, "aaaa000000", None, None),
        )
    ]
    path = "/commits/-/support-reply/"
    repos = {"repos": [{"repo_handle": "support-reply", "tags": ["mail"]}], "total": 1}
    answers: dict[str, object] = {
        "/repos/?is_public=false&is_archived=false&limit=100&offset=0": repos,
        f"{path}?limit=100&offset=0": {"commits": commits[:2], "total": 3},
        f"{path}?limit=100&offset=2": {"commits": commits[2:], "total": 3},
        f"{path}production": {"commit_hash": "aaaa000000", "manifest": manifests["aaaa000000"]},
    }
    answers |= {path + hash_: {"commit_hash": hash_, "manifest": one} for hash_, one in manifests.items()}
    page, program = "coming-from/langsmith.md", "export_langsmith.py"
    said = bring(page, program, tmp_path, answers, "LANGSMITH_ENDPOINT", "LANGSMITH_API_KEY")
    assert "support-reply, commit bbbb000000: left out" in said
    prompts, labels = taken(tmp_path / "data")
    assert prompts["support-reply"] == [
        ("Help with {{topic}}", {}),
        (
            [
                {"role": "system", "content": "You help {{company}}. {}"},
                {"type": "placeholder", "name": "history"},
                {"role": "assistant", "content": "How can I help?"},
                {"role": "user", "content": "{{question}}"},
            ],
            {},
        ),
    ]
    assert labels == {"support-reply": {"production": 1}}
    log = git(tmp_path / "data" / "prompts.git", "log", "-3", "--format=%an %as %s", "main").decode()
    assert log.splitlines() == [
        "Ada L. 2026-01-03 As a chat",
        "LangSmith 2026-01-01 Point production at commit aaaa0000 of LangSmith",
        "LangSmith 2026-01-01 Commit aaaa0000 of LangSmith",
    ]


MLFLOW = Path(__file__).parents[1] / ".venv" / "mlflow"


@pytest.mark.slow
@pytest.mark.skipif(not (MLFLOW / "installed").exists(), reason="MLflow is not installed: make .venv/mlflow/installed")
def test_prompts_of_mlflow_come_along(tmp_path: Path) -> None:
    """MLflow's own client fills a registry in a folder of files, and the page's program reads it."""
    (program,) = marked("coming-from/mlflow.md", "python")
    (script,) = marked("coming-from/mlflow.md", "sh")
    chat = [{"role": "system", "content": "Be kind"}, {"role": "user", "content": "{{question}}"}]
    more = {"model_config": {"model_name": "m", "temperature": 0.1}, "response_format": {"type": "object"}}
    fill = f"""
import mlflow.genai

register = mlflow.genai.register_prompt
register("greeting", "Hello {{{{name}}}}", commit_message="First", tags={{"team": "support"}})
register("greeting", {chat}, **{more})
mlflow.genai.set_prompt_alias("greeting", alias="production", version=1)
"""
    # One process fills the registry and exports it: loading MLflow takes seconds.
    (tmp_path / "export_mlflow.py").write_text(fill + program)
    settings = {"MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}
    settings["MLFLOW_TRACKING_URI"] = f"file:{tmp_path}/mlruns"
    shell(script.replace("python", f"{MLFLOW}/bin/python"), tmp_path, **settings)
    prompts, labels = taken(tmp_path / "data")
    assert prompts == {
        "greeting": [
            ("Hello {{name}}", {"mlflow_tags": {"team": "support"}}),
            (chat, {"model": "m", "temperature": 0.1, "response_format": {"type": "object"}}),
        ]
    }
    assert labels == {"greeting": {"production": 1}}
