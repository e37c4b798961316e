-- What happened: every job and each of its attempts, and what they logged. Written by the recorder alone.
-- A day is a partition (storage/history/partitions.py), so that forgetting a day is one quick step.
-- A job's identity is (created_at, id): an id that comes again after the broker forgot it is another job.
-- depends: 0003_chunks

CREATE TABLE jobs (
    id text NOT NULL,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL,              -- the broker's; a row never goes back to a lower one
    task text NOT NULL,
    queue text NOT NULL,
    state text NOT NULL,
    priority real NOT NULL DEFAULT 0,
    queued_at timestamptz,                -- when it last came in line
    run_at timestamptz,                   -- when it is due, while it is scheduled or retrying
    started_at timestamptz,               -- of its last attempt
    finished_at timestamptz,              -- when it ended: succeeded, dead or canceled
    wait_ms bigint,                       -- from queued_at to started_at of its last attempt
    duration_ms bigint,                   -- of its last attempt, once that has ended
    attempt integer NOT NULL DEFAULT 0,
    crashes integer NOT NULL DEFAULT 0,
    retries integer NOT NULL DEFAULT 0,
    retries_left integer NOT NULL DEFAULT 0,
    host text NOT NULL DEFAULT '',        -- of its last attempt
    worker text NOT NULL DEFAULT '',
    reason text NOT NULL DEFAULT '',
    error_type text NOT NULL DEFAULT '',
    error text NOT NULL DEFAULT '',
    fingerprint text NOT NULL DEFAULT '', -- of its last error
    parent text NOT NULL DEFAULT '',
    unique_key text NOT NULL DEFAULT '',
    args jsonb,                           -- by parameter name, {"args": [...]} for those without one; redacted
    result jsonb,                         -- redacted
    PRIMARY KEY (created_at, id)
) PARTITION BY RANGE (created_at);

CREATE TABLE attempts (
    job_created_at timestamptz NOT NULL,
    job_id text NOT NULL,
    number integer NOT NULL,
    task text NOT NULL,
    queue text NOT NULL,
    outcome text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    host text NOT NULL DEFAULT '',
    worker text NOT NULL DEFAULT '',
    version text NOT NULL DEFAULT '',     -- what its consumer said that it runs
    error_type text NOT NULL DEFAULT '',
    error text NOT NULL DEFAULT '',
    traceback text NOT NULL DEFAULT '',
    fingerprint text NOT NULL DEFAULT '',
    PRIMARY KEY (job_created_at, job_id, number)
) PARTITION BY RANGE (job_created_at);

CREATE TABLE logs (
    at timestamptz NOT NULL,
    position text NOT NULL,               -- in the broker's stream: unique, and in order
    job_id text NOT NULL,
    task text NOT NULL,
    queue text NOT NULL,
    attempt integer NOT NULL,
    level text NOT NULL,
    logger text NOT NULL,
    message text NOT NULL,
    PRIMARY KEY (at, position)
) PARTITION BY RANGE (at);

-- Failures by what their errors have in common. Counts and times come from attempts.
CREATE TABLE failure_groups (
    fingerprint text PRIMARY KEY,
    task text NOT NULL,
    error_type text NOT NULL,
    message text NOT NULL,                -- with what differs from job to job taken out
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    sample text NOT NULL                  -- id of the job that failed last
);
