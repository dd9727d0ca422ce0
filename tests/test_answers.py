"""What goes out keeps in step with what is documented."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import marshmallow as ma
from hypothesis import given, settings
from hypothesis import strategies as st

from promptgit.domain.models import Author
from promptgit.http.api import answer_schemas, answers
from promptgit.service.service import Service
from promptgit.service.writes import Attribution
from promptgit.store.store import Store

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t"), max_size=80)
names = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="<>"), min_size=1, max_size=20)


def test_answers_have_the_fields_of_their_schemas(service: Service) -> None:
    """A committer where that is not the author; inputs where variables are declared."""
    declaring = "---\ninput: {a: {default: [1]}, b: {description: B, required: false}}\n---\n{{a}}"
    own = service.create("x", name="a")
    ada = service.create("x", name="b", attribution=Attribution(author=Author("Ada", "ada@example.org")))
    for prompt, lacking in ((own, {"committer"}), (ada, set())):
        pairs: list[tuple[dict[str, object], ma.Schema]] = [
            (answers.prompt(prompt) | answers.content(declaring), answer_schemas.PromptWithContentSchema()),
            (answers.prompt(prompt), answer_schemas.PromptSchema()),
            (answers.version(prompt.newest), answer_schemas.VersionSchema()),
            (answers.version(prompt.newest) | answers.content(declaring), answer_schemas.VersionWithContentSchema()),
        ]
        for answer, schema in pairs:
            assert set(answer) == set(schema.fields) - lacking - {"resolved_references"}, "that is asked for"
            assert not schema.validate(json.loads(answers.json(answer).data))


@settings(max_examples=25)
@given(st.lists(st.tuples(texts, names, st.integers(0, 253_402_300_799)), min_size=1, max_size=5))
def test_a_page_and_a_single_version_show_the_same(versions: list[tuple[str, str, int]]) -> None:
    """The JSON of histories is kept in the index, that of single versions is made when they are read."""
    with tempfile.TemporaryDirectory() as folder:
        moments = iter(sorted(seconds for *_, seconds in versions))
        store = Store(Path(folder), lock_timeout=5, clock=lambda: float(next(moments, 253_402_300_799)))
        store.repository.create(0)
        store.open()
        service = Service(store, 1_000)
        prompt = service.create("", name="a")
        for at, (description, name, _) in enumerate(versions):
            author = Author(name.strip() or "x", "a@example.org")
            prompt = service.save(prompt.id, str(at), attribution=Attribution(description, author))
        ((text, rest),) = service.versions_json(prompt)
        singles = [json.loads(answers.json(answers.version(version)).data) for version in service.versions(prompt)]
        assert (json.loads(f"[{text}]"), rest) == (singles, None)
        assert list(json.loads(f"[{text}]")[0]) == list(singles[0])
        store.close()
