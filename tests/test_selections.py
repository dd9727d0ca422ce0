"""Lists as people ask for them, of prompts that are changed in every way."""

from __future__ import annotations

from pathlib import Path

from promptgit.service.catalogue import Catalogue
from promptgit.service.service import Service
from promptgit.service.writes import Attribution
from promptgit.store.index.selections import Selection
from promptgit.store.store import Store
from tests.support import foreign_commit
from tests.test_index import assert_agrees


def test_lists_by_change_follow_renames_deletions_labels_and_git(
    store: Store, service: Service, repository: Path
) -> None:
    """The order is that of the times that the newest versions have, whatever else is done to a prompt."""
    catalogue = Catalogue(store)

    def check() -> None:
        prompts = service.list(limit=1_000)
        expected = sorted(prompts, key=lambda prompt: (-prompt.newest.seconds, prompt.name))
        assert catalogue.by_change(Selection(), limit=1_000) == expected
        assert catalogue.count(Selection()) == len(prompts)
        for author in {prompt.newest.author for prompt in prompts}:
            its = [prompt for prompt in prompts if prompt.newest.author == author]
            assert catalogue.by_name(Selection(author=author.email), limit=1_000) == its
            assert catalogue.count(Selection(author=author.name)) == len(its)

    made = {name: service.create(name, name=name) for name in ("a", "b/c", "d")}
    check()
    service.rename(made["a"].id, "z")
    service.delete(made["d"].id)
    check()
    foreign_commit(repository, {"prompts/git.md": b"1", "prompts/z.md": b"2", "labels/production/z": b"9\n"})
    assert catalogue.by_name(Selection(label="production"), limit=9) == []
    check()
    service.revert(made["d"].id, 1)
    service.labels.point(made["b/c"].id, "production", 1, attribution=Attribution())
    assert [prompt.name for prompt in catalogue.by_change(Selection(label="production"), limit=9)] == ["b/c"]
    check()
    foreign_commit(repository, {"labels/production/z": None})
    check()
    assert_agrees(store)
    store.index.rebuild()
    check()


def test_a_label_that_very_many_prompts_have_is_a_filter_too(service: Service, store: Store, repository: Path) -> None:
    """Numbers stop at a thousand, except that of all prompts."""
    names = [f"p{at:04}" for at in range(1_100)]
    files = {f"prompts/{name}.md": b"x" for name in names} | {f"labels/staging/{name}": b"1\n" for name in names}
    foreign_commit(repository, {**files, "prompts/q.md": b"x", "labels/staging/q": b"2\n"})
    catalogue = Catalogue(store)
    labelled = Selection(label="staging")
    for look in (catalogue.by_name, catalogue.by_change):
        assert [prompt.name for prompt in look(labelled, limit=2_000)] == names
    assert (catalogue.count(labelled), catalogue.count(Selection(q="x")), catalogue.count(Selection())) == (
        1_000,
        1_000,
        1_101,
    )
    assert service.list(label="staging", limit=1)[0].name == "p0000"
