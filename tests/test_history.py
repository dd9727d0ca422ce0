"""From a commit's changes to events."""

from __future__ import annotations

from promptgit.domain.history import FileChange, Moved, Removed, Written, events

X, Y = "1" * 40, "2" * 40


def change(path: str, old: str | None, new: str | None) -> FileChange:
    return FileChange(path.encode(), old, new)


def test_an_added_and_a_changed_blob_are_versions() -> None:
    assert events([change("prompts/a.md", None, X), change("prompts/b.md", X, Y)]) == [Written("b", Y), Written("a", X)]


def test_a_mode_alone_changes_nothing() -> None:
    assert events([change("prompts/a.md", X, X)]) == []


def test_the_same_blob_under_another_path_is_a_move() -> None:
    assert events([change("prompts/a.md", X, None), change("prompts/b.md", None, X)]) == [Moved("a", "b", X)]


def test_a_similar_blob_is_no_move() -> None:
    assert events([change("prompts/a.md", X, None), change("prompts/b.md", None, Y)]) == [Removed("a"), Written("b", Y)]


def test_a_copy_is_another_prompt() -> None:
    assert events([change("prompts/b.md", None, X)]) == [Written("b", X)]


def test_a_blob_that_another_prompt_takes_over_is_no_move() -> None:
    """The other prompt keeps its identity: it gets a version."""
    assert events([change("prompts/a.md", X, None), change("prompts/b.md", Y, X)]) == [Removed("a"), Written("b", X)]


def test_twins_move_with_their_last_segment() -> None:
    moved = [change(f"prompts/old/{name}.md", X, None) for name in "ab"]
    moved += [change("prompts/new/b.md", None, X), change("prompts/new/z.md", None, X)]
    assert events(moved) == [Moved("old/b", "new/b", X), Moved("old/a", "new/z", X)]


def test_of_two_twins_that_go_one_moves() -> None:
    changes = [change("prompts/a.md", X, None), change("prompts/b.md", X, None), change("prompts/c.md", None, X)]
    assert events(changes) == [Removed("b"), Moved("a", "c", X)]


def test_a_move_out_of_the_prompts_folder_is_a_removal_and_back_in_a_creation() -> None:
    assert events([change("attic/a.md", None, X), change("prompts/a.md", X, None)]) == [Removed("a")]
    assert events([change("attic/a.md", X, None), change("prompts/a.md", None, X)]) == [Written("a", X)]


def test_paths_that_no_text_can_say_are_nobodys() -> None:
    assert events([FileChange(b"prompts/\xff.md", None, X)]) == []
