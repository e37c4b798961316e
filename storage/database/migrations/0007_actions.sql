-- What operators did: to what, when, why, with which outcome; and what they threw away, for seven days.
-- depends: 0006_search

-- A row is here before its effect. One without finished_at was cut short: its effect can be repeated by its key.
CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key uuid NOT NULL UNIQUE,             -- of the preview: what was looked at is done once
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,
    host text NOT NULL,
    reason text NOT NULL DEFAULT '',
    action text NOT NULL,
    permission text NOT NULL,
    scope text NOT NULL,                  -- what its items are: jobs, queues, consumers ...
    query text NOT NULL DEFAULT '',       -- what was asked for, when no items were named
    options jsonb NOT NULL DEFAULT '{}',  -- redacted
    command text NOT NULL DEFAULT '',     -- the command line that does the same
    undo text NOT NULL DEFAULT '',        -- why it can not be undone; empty when it can
    undoes bigint REFERENCES audit ON DELETE SET NULL,
    undone_by bigint REFERENCES audit ON DELETE SET NULL,
    items integer NOT NULL DEFAULT 0,
    done integer NOT NULL DEFAULT 0,
    refused integer NOT NULL DEFAULT 0,
    finished_at timestamptz
);
CREATE INDEX audit_by_actor ON audit (actor, id DESC);
CREATE INDEX audit_undoes ON audit (undoes) WHERE undoes IS NOT NULL;
CREATE INDEX audit_undone_by ON audit (undone_by) WHERE undone_by IS NOT NULL;
CREATE INDEX audit_by_at ON audit (at);

CREATE TABLE audit_items (
    audit_id bigint NOT NULL REFERENCES audit ON DELETE CASCADE,
    number integer NOT NULL,
    item text NOT NULL,
    seen text NOT NULL,                   -- what it was when it was looked at: a job's version
    outcome text NOT NULL DEFAULT '',     -- done or refused; empty until that is known
    detail text NOT NULL DEFAULT '',
    after text NOT NULL DEFAULT '',       -- what undoing it needs to know
    PRIMARY KEY (audit_id, number)
);
CREATE INDEX audit_items_by_item ON audit_items (item);

CREATE TABLE trash (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    act uuid NOT NULL,                    -- key of the audit row that put it here
    job_id text NOT NULL,
    task text NOT NULL,
    queue text NOT NULL,
    state text NOT NULL,
    version bigint NOT NULL,
    content bytea NOT NULL,               -- the whole job: record, attempts, log lines, results
    trashed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    left_at timestamptz,                  -- when it had left the broker; NULL: it may be there still
    UNIQUE (act, job_id)
);
CREATE INDEX trash_by_job ON trash (job_id);
CREATE INDEX trash_by_age ON trash (trashed_at);
