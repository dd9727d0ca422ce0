"""What an operator asks a service: is it alive, is it ready, what does it do."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from promptgit.app import create_app
from promptgit.service.service import Service
from promptgit.settings import Settings
from promptgit.store.locks import WriteLock
from tests.support import Http, Server, at_once, foreign_commit, git, wait_for
from tests.test_api_prompts import create

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parse(text: str) -> Samples:
    """Each sample of a scrape, by its name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def requests(samples: Samples) -> Counter[tuple[str, str, str]]:
    """How many requests were counted, by method, route and status."""
    found: Counter[tuple[str, str, str]] = Counter()
    for (name, labels), value in samples.items():
        if name == "promptgit_http_request_duration_seconds_count":
            by = dict(labels)
            found[by["method"], by["route"], by["status"]] = int(value)
    return found


def scrape(client: FlaskClient) -> dict[str, float]:
    """The samples without labels."""
    return {name: value for (name, labels), value in parse(client.get("/metrics").text).items() if not labels}


def test_alive_is_alive_whatever_the_repository_is(client: FlaskClient, repository: Path) -> None:
    shutil.rmtree(repository)
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_sound_service_is_ready(client: FlaskClient) -> None:
    assert client.get("/readyz").status_code == 200


def test_a_service_behind_main_is_ready_and_has_caught_up(client: FlaskClient, repository: Path) -> None:
    foreign_commit(repository, {"prompts/a.md": b"x"})
    assert client.get("/readyz").status_code == 200
    assert scrape(client)["promptgit_versions"] == 1


def no_repository(repository: Path) -> None:
    shutil.rmtree(repository)


def no_main(repository: Path) -> None:
    git(repository, "update-ref", "-d", "refs/heads/main")


def no_packs(repository: Path) -> None:
    shutil.rmtree(repository / "objects" / "pack")


def main_at_nothing(repository: Path) -> None:
    (repository / "refs" / "heads" / "main").write_text("1" * 40 + "\n")


def no_way_to_index(repository: Path) -> None:
    """Its place is taken by a folder, and there is something new to take in."""
    for file in repository.parent.glob("index.sqlite3*"):
        file.unlink()
    (repository.parent / "index.sqlite3").mkdir()
    foreign_commit(repository, {"prompts/a.md": b"x"})


def a_gap_in_history(repository: Path) -> None:
    """A commit is gone that the index has not seen yet."""
    gone = foreign_commit(repository, {"prompts/a.md": b"1"})
    foreign_commit(repository, {"prompts/a.md": b"2"})
    git(repository, "unpack-objects", "-q", data=b"".join(_packed(repository)))
    (repository / "objects" / gone[:2] / gone[2:]).unlink()


def _packed(repository: Path) -> list[bytes]:
    """All objects as one pack, taken out of the repository."""
    pack = git(repository, "pack-objects", "--stdout", "--all", "-q", data=b"")
    for path in (repository / "objects" / "pack").iterdir():
        path.unlink()
    return [pack]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (no_repository, "prompts.git"),
        (no_main, "no branch main"),
        (no_packs, ""),
        (main_at_nothing, "1" * 40),
        (no_way_to_index, "database"),
        (a_gap_in_history, ""),
    ],
)
def test_what_cannot_serve_is_not_ready_and_says_why(
    app: Flask, client: FlaskClient, repository: Path, damage: object, said: str
) -> None:
    """Also a server that has read from the repository before; a reader gets an error as well."""
    create(client, "there", "content")
    assert client.get("/api/prompts").status_code == 200
    damage(repository)  # type: ignore[operator]
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["code"]) == (503, "not_ready")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) >= 1
    assert said in answer.json["detail"]
    assert client.get("/healthz").status_code == 200
    assert client.get("/metrics").status_code == 200


def test_a_service_is_ready_again_once_it_is_mended(client: FlaskClient, repository: Path) -> None:
    moved = repository.with_name("elsewhere")
    repository.rename(moved)
    assert client.get("/readyz").status_code == 503
    moved.rename(repository)
    assert client.get("/readyz").status_code == 200


def test_all_workers_count_as_one(tmp_path: Path) -> None:
    """Whichever worker is asked, it tells of all requests, exactly, by rule and never by path."""
    with Server(tmp_path / "data", "--workers", "2", "--threads", "2") as server:
        where = Http(server.url)("POST", "/api/prompts", {"name": "a", "content": "0"}).headers["Location"]
        connections = [Http(server.url) for _ in range(8)]

        def work(http: Http) -> None:
            for at in range(25):
                assert http("GET", where).status == 200
                assert http("GET", f"/nowhere/{at}").status == 404

        with ThreadPoolExecutor(len(connections)) as pool:
            list(pool.map(work, connections))
        for http in connections:
            http("PUT", where, {"content": "1"})
        http("PROPFIND", "/api/prompts")
        expected = {
            ("POST", "/api/prompts", "201"): 1,
            ("GET", "/api/prompts/<prompt_id>", "200"): 200,
            ("GET", "", "404"): 200,
            ("PUT", "/api/prompts/<prompt_id>", "200"): 8,
            ("other", "", "405"): 1,
        }
        # A request is done a moment after its answer.
        wait_for(lambda: _counted(parse(connections[0]("GET", "/metrics").body.decode())) == expected)
        for http in connections:  # of both workers
            samples = parse(http("GET", "/metrics").body.decode())
            assert _counted(samples) == expected
        values = {name: value for (name, labels), value in samples.items() if not labels}
        assert values["promptgit_write_batch_commits_sum"] == 2
        assert values["promptgit_write_lock_wait_seconds_count"] >= 2
        assert (values["promptgit_prompts"], values["promptgit_versions"]) == (1, 2)
        assert server.stop() == 0


def _counted(samples: Samples) -> Counter[tuple[str, str, str]]:
    """All but the scrapes themselves."""
    found = requests(samples)
    del found["GET", "/metrics", "200"]
    return found


def test_counts_go_on_where_a_dead_worker_stopped(tmp_path: Path) -> None:
    """A counter never goes back, and workers that come and go leave no more files than one has."""
    with Server(tmp_path / "data", "--workers", "1") as server:
        for round_ in range(4):
            http, seen = Http(server.url), 0
            for _ in range(10):
                assert http("GET", "/healthz").status == 200
            while seen < 10 * (round_ + 1):  # a request is done a moment after its answer
                seen = requests(parse(http("GET", "/metrics").body.decode()))["GET", "/healthz", "200"]
            assert seen == 10 * (round_ + 1)
            if round_ < 3:
                _kill_worker(server)
        folder = _shared(server)
        files = {f"{kind}_{process}.db" for kind in ("counter", "histogram") for process in ("parent", 0)}
        assert {path.name for path in folder.iterdir()} == files | {"lock"}
        assert server.stop() == 0
        assert not folder.exists()


def _kill_worker(server: Server) -> None:
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    (before,) = children.read_text().split()
    os.kill(int(before), 9)
    while before in children.read_text().split() or not children.read_text():
        os.sched_yield()


def _shared(server: Server) -> Path:
    """The folder in which the workers of a server count."""
    (worker,) = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    maps = Path(f"/proc/{worker}/maps")
    while "promptgit-metrics-" not in (text := maps.read_text()):
        os.sched_yield()
    path = next(line.split()[-1] for line in text.splitlines() if "promptgit-metrics-" in line)
    return Path(path).parent


def test_batches_and_the_wait_for_the_lock_are_measured(tmp_path: Path) -> None:
    app = create_app(Settings(data=tmp_path / "data"))
    client, service = app.test_client(), app.extensions["promptgit"]
    assert isinstance(service, Service)
    prompt = service.create("0", name="a")
    at_once(app.extensions["promptgit.store"], [partial(service.save, prompt.id, str(at)) for at in range(1, 21)])
    service.save(prompt.id, service.content(service.get(prompt.id).newest).decode())  # nothing new: no batch
    seen = scrape(client)
    assert seen["promptgit_write_batch_commits_sum"] == 21
    assert seen["promptgit_write_batch_commits_count"] == seen["promptgit_write_batch_duration_seconds_count"] == 2
    assert seen["promptgit_write_lock_wait_seconds_count"] == 3


def test_a_lock_that_is_not_had_counts_as_waited_for(client: FlaskClient, repository: Path, tmp_path: Path) -> None:
    with WriteLock(repository.parent / "write.lock", 1).held():
        assert create(client, "a").status_code == 503
    seen = scrape(client)
    assert seen["promptgit_write_lock_wait_seconds_sum"] >= 0.2
    assert "promptgit_write_batch_commits_count" in seen and seen["promptgit_write_batch_commits_count"] == 0


def test_gauges_tell_what_is_there(client: FlaskClient, repository: Path) -> None:
    """Deletions and renames included; and what the disk holds."""
    where = create(client, "a", "1").headers["Location"]
    client.put(where, json={"content": "2"})
    other = create(client, "b", "1").headers["Location"]
    client.patch(other, json={"name": "c"})
    client.delete(other)
    seen = scrape(client)
    assert (seen["promptgit_prompts"], seen["promptgit_versions"]) == (1, 3)
    packs = list((repository / "objects" / "pack").iterdir())
    assert seen["promptgit_packs"] == sum(path.suffix == ".pack" for path in packs)
    assert seen["promptgit_repository_bytes"] == sum(path.stat().st_size for path in packs)
    assert seen["promptgit_index_bytes"] >= (repository.parent / "index.sqlite3").stat().st_size > 0
    assert seen["promptgit_disk_free_bytes"] > 0
    client.post(f"{other}/versions/1/revert")
    assert scrape(client)["promptgit_prompts"] == 2


def test_an_index_that_is_behind_is_told(client: FlaskClient, repository: Path) -> None:
    """Scraping does not bring it up to date; the next reader does."""
    foreign_commit(repository, {"prompts/a.md": b"x"})
    os.utime(repository / "refs" / "heads" / "main", (1_000_000_000, 1_000_000_000))
    for _ in range(2):
        assert scrape(client)["promptgit_index_lag_seconds"] > 700_000_000
    client.get("/api/prompts")
    assert scrape(client)["promptgit_index_lag_seconds"] == 0


def test_what_cannot_be_measured_is_left_out(client: FlaskClient, repository: Path) -> None:
    """The other metrics come all the same."""
    shutil.rmtree(repository / "objects" / "pack")
    seen = scrape(client)
    assert "promptgit_packs" not in seen
    assert seen["promptgit_prompts"] == 0


def test_another_wsgi_server_needs_no_folder(client: FlaskClient, app: Flask) -> None:
    """One process, or several that each tell of themselves: nothing is written anywhere."""
    before = set(os.listdir(tempfile.gettempdir()))
    client.get("/healthz").close()
    assert requests(parse(client.get("/metrics").text)) == {("GET", "/healthz", "200"): 1}
    new = set(os.listdir(tempfile.gettempdir())) - before
    assert not [name for name in new if name.endswith(".db")]
