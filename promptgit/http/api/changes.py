"""The route /api/changes: the feed."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, request
from marshmallow import fields, validate

from promptgit import deferral
from promptgit.domain.models import CHANGE_TYPES, MOST_CHANGES, WHOLE_COMMIT, by_commit
from promptgit.errors import CommitNotFound
from promptgit.http.api import answers
from promptgit.http.api.answer_schemas import COMMIT, ID, SHA, AuthorSchema, committer
from promptgit.http.api.bodies import Routes
from promptgit.http.api.fields import AnswerSchema, Number, Query, Strict, between, described
from promptgit.http.api.openapi import refuses
from promptgit.http.api.refusals import headers as documented
from promptgit.http.api.release_schemas import ItemSchema
from promptgit.service.feed import MOST_SECONDS, Feed

LAST = "X-Last-Commit"

blueprint = Routes("changes", __name__, url_prefix="/api/changes", description="Whatever is done, in order")


class ChangesQuerySchema(Strict):
    """Which changes to list."""

    after = Query("Those of the commits after this one; all, unless given")
    limit = Number(
        "At most so many; more only if one commit made more. With `group`: at most so many commits, fewer if they made "
        "more than 10,000 changes",
        load_default=100,
        validate=between(1, 1000),
    )
    group = fields.String(
        validate=validate.OneOf([WHOLE_COMMIT], error=f"is not {WHOLE_COMMIT}."),
        metadata={"description": "`commit`: one entry for each commit, with all its changes"},
    )
    wait = Number(
        "If there is none, wait so many seconds for one. Of each process's clients 1,000 can wait; "
        "the next one gets the empty array at once",
        load_default=0,
        validate=between(0, MOST_SECONDS),
    )


class ChangeSchema(AnswerSchema):
    """One thing that a commit did."""

    type = fields.String(
        validate=validate.OneOf(CHANGE_TYPES),
        metadata=described("What it did; a restore comes with the version that the same commit made", "version"),
    )
    commit = fields.String(metadata=described("The commit; several changes can have one", COMMIT, **SHA))
    prompt_id = fields.UUID(
        allow_none=True, metadata=described("The id of the prompt; null of `release` and `rules`", ID)
    )
    name = fields.String(allow_none=True, metadata=described("The prompt's name since then", "support/greeting"))
    version_number = fields.Integer(
        metadata=described(
            "Of `version`, `restore` and `delete`: the newest version's; of `check`: the version's",
            2,
            minimum=1,
            optional=True,
        )
    )
    old_name = fields.String(metadata=described("Of `rename`: the name before", "support/hello", optional=True))
    label = fields.String(metadata=described("Of `label` and `release`: the label", "production", optional=True))
    from_ = fields.Integer(
        data_key="from",
        allow_none=True,
        metadata=described("Of `label`: where it pointed; null: nowhere", 1, optional=True),
    )
    to = fields.Integer(
        allow_none=True, metadata=described("Of `label`: where it points since; null: nowhere", 2, optional=True)
    )
    outside = fields.Boolean(
        metadata=described("Of `label`: true, if rules gated it and no release moved it", optional=True)
    )
    check = fields.String(metadata=described("Of `check`: its name", "eval", optional=True))
    state = fields.String(
        metadata=described(
            "Of `check`: what it says; of `release`: where it stood after this", "success", optional=True
        )
    )
    release = fields.Integer(metadata=described("Of `release`: its number", 12, minimum=1, optional=True))
    action = fields.String(
        metadata=described(
            "Of `release`: what was done: opened, approved, rejected, withdrawn, released, overridden or removed",
            "approved",
            optional=True,
        )
    )
    release_description = fields.String(
        metadata=described("Of `release`: what it is for", "Shorter greetings", optional=True)
    )
    items = fields.List(
        fields.Nested(ItemSchema), metadata={"description": "Of `release`: what it moves", "optional": True}
    )
    by = fields.String(
        allow_none=True,
        metadata=described("Of `release`: whose credential; promptgit, where nobody did", "ada", optional=True),
    )
    owner = fields.String(
        allow_none=True, metadata=described("Of `release`: the owner of `by`", "ada@example.org", optional=True)
    )
    timestamp = fields.DateTime(metadata=described("The author's date, in UTC", "2026-01-31T12:00:00Z"))
    description = fields.String(metadata=described("Why: the commit's message", "Shorter"))
    author = fields.Nested(AuthorSchema)
    committer = committer()


class FeedEntrySchema(ChangeSchema):
    """One thing that a commit did; with `group=commit` a whole commit."""

    type = fields.String(
        validate=validate.OneOf([*CHANGE_TYPES, WHOLE_COMMIT]),
        metadata=described(
            "What was done; a restore comes with the version that the same commit made. With `group=commit`: `commit`",
            "version",
        ),
    )
    prompt_id = fields.UUID(
        allow_none=True,
        metadata=described(
            "The id of the prompt; null of `release` and `rules`, not there of `commit`", ID, optional=True
        ),
    )
    name = fields.String(
        allow_none=True,
        metadata=described(
            "The prompt's name since then; null of `release` and `rules`, not there of `commit`",
            "support/greeting",
            optional=True,
        ),
    )
    changes = fields.List(
        fields.Nested(ChangeSchema),
        metadata={"description": f"Of `commit`: what it did, in order; the first {MOST_CHANGES:,}", "optional": True},
    )
    change_count = fields.Integer(metadata=described("Of `commit`: how many it made", 2, minimum=1, optional=True))


@blueprint.get("")
@blueprint.arguments(ChangesQuerySchema(), location="query")
@blueprint.response(200, FeedEntrySchema(many=True), headers=documented(LAST, "Link"))
@refuses(CommitNotFound)
def index(query: dict[str, Any]) -> Response:
    """Every version, label move, rename, deletion, restore, check, release and change of rules, in order, by anybody.

    A page has the changes of whole commits. Go on with `after` set to `X-Last-Commit`, which is there also when
    nothing is new.
    """
    feed: Feed = current_app.extensions["promptgit.feed"]
    grouped = query.get("group") == WHOLE_COMMIT
    waits = request.environ.get(deferral.WAITS)
    page = feed.wait(query.get("after"), query["limit"], query["wait"], waits, grouped=grouped)
    headers = {LAST: page.last, "Cache-Control": "no-store"}
    if page.more:
        headers |= answers.next_link(request.script_root + request.path, request.args, after=page.last)
    entries = by_commit(page.changes) if grouped else page.changes
    return answers.json([entry.as_json() for entry in entries], headers=headers)
