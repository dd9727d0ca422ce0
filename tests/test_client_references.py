"""Prompts within prompts in the client and the commands."""

from __future__ import annotations

import asyncio
import json

import pytest

from promptgit.client import AsyncClient, Client, ResolvedReference
from promptgit.errors import ChangesRefused, Referenced, Unresolvable
from tests.support import Server, command
from tests.test_langfuse_references import refer


def test_the_client_and_the_commands_know_references(shared: Server) -> None:
    """They put in, tell what uses what, and delete what others refer to by force alone."""
    with Client(shared.url) as client:
        tone = client.create("refs/tone", "Be kind.")
        at = client.set_label("refs/tone", "production", 1).commit
        main = client.create("refs/main", f"{refer('refs/tone')} {{{{name}}}}")
        client.set_label("refs/main", "live", 1)
        client.save("refs/main", "Nothing.")
        then = client.label_history("refs/main", "live")[-1].commit
        went_in = (ResolvedReference(tone.id, "refs/tone", 1, "production"),)
        for which in ({"label": "live"}, {"version": 1}, {"label": "live", "at": then}, {"at": then}):
            for _ in range(2):  # the second one from memory
                got = client.get("refs/main", resolve=True, **which)
                assert (got.content, got.resolved_references) == ("Be kind. {{name}}", went_in), which
            assert got.compile(name="Ada") == "Be kind. Ada"
            assert client.get("refs/main", **which).content == main.content
        assert client.get("refs/main", resolve=True).content == "Nothing."
        with pytest.raises(ValueError, match="not with both"):
            client.get("refs/main", resolve=True, version=1, at=at)
        listed = list(client.list(prefix="refs/", label="live", resolve=True))
        assert [one.content for one in listed] == ["Be kind. {{name}}"]
        (user,) = client.references("refs/tone").used_by
        assert (user.name, user.version_number, user.label, user.used_version) == ("refs/main", 1, "production", 1)
        (use,) = client.references(main.id).uses
        assert (use.prompt_id, use.version_number, use.used_in) == (tone.id, 1, (1,))
        with pytest.raises(Referenced) as refused:
            client.delete("refs/tone")
        assert refused.value.by == ["refs/main"]
        with pytest.raises(ChangesRefused), client.commit() as changes:
            changes.label("refs/tone", "production", None)

        async def ask() -> str:
            async with AsyncClient(shared.url) as other:
                return (await other.get("refs/main", label="live", resolve=True)).content

        assert asyncio.run(ask()) == "Be kind. {{name}}"

        url = {"PROMPTGIT_URL": shared.url}
        assert command("show", "refs/main@live", "--resolve", **url).stdout == "Be kind. {{name}}"
        assert command("references", "refs/main", **url).stdout == (
            "uses     refs/tone@production, which is version 1, in version 1\n"
        )
        told = command("references", "refs/tone", **url).stdout
        assert told == "used by  refs/main, version 1, by the label production\n"
        assert len(json.loads(command("references", "refs/tone", "--json", **url).stdout)["used_by"]) == 1
        for refused_command in (["rm"], ["rename"], ["label", "-d"]):
            name, *options = refused_command
            more = {"rename": ["refs/voice"], "label": ["production"]}.get(name, [])
            done = command(name, "refs/tone", *more, *options, **url)
            assert (done.returncode, "referred to by 'refs/main'" in done.stderr) == (1, True), done
        assert command("label", "refs/tone", "production", "-d", "--force", **url).returncode == 0
        assert command("rename", "refs/tone", "refs/voice", "--force", **url).returncode == 0
        with client.commit() as changes:
            changes.rename("refs/voice", "refs/tone")
        assert command("rm", "refs/tone", "--force", **url).returncode == 0
    with Client(shared.url) as client, pytest.raises(Unresolvable, match="was deleted"):
        client.get("refs/main", label="live", resolve=True)
