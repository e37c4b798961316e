-- What the recorder counts and samples beside what happened to each job.
-- depends: 0004_history

ALTER TABLE jobs
    ADD COLUMN consumer_version text NOT NULL DEFAULT '',    -- what the consumer of its last attempt said that it runs
    ADD COLUMN starts_counted integer NOT NULL DEFAULT 0,    -- number of the last attempt whose start is in measures
    ADD COLUMN ends_counted integer NOT NULL DEFAULT 0;      -- number of the last attempt whose end is in measures

ALTER TABLE attempts
    ADD COLUMN wait_ms bigint;            -- from when its job came in line to its start; NULL: not known

-- An attempt that runs, and an only one that succeeded, is not in attempts, where it would say what the row of its job
-- says: most jobs are like that. This view has all attempts.
CREATE VIEW runs AS
SELECT job_created_at, job_id, number, task, queue, outcome, started_at, finished_at, wait_ms,
       CASE WHEN finished_at IS NULL THEN NULL
            ELSE (extract(epoch FROM finished_at - started_at) * 1000)::bigint END AS duration_ms,
       host, worker, version, error_type, error, traceback, fingerprint
FROM attempts
UNION ALL
SELECT created_at, id, attempt, task, queue, state, started_at, finished_at, wait_ms, duration_ms,
       host, worker, consumer_version, '', '', '', ''
FROM jobs
WHERE (state = 'running' OR state = 'succeeded' AND attempt = 1) AND started_at IS NOT NULL;

-- Counts by (queue, task) and step: minutes (60), hours (3600) and since ever (0, at the epoch). wait and run are
-- histograms over the buckets of storage/history/histogram.py; those of two rows are added with histogram_add.
CREATE TABLE measures (
    step_s integer NOT NULL,
    at timestamptz NOT NULL,              -- where the step begins
    queue text NOT NULL,
    task text NOT NULL,
    enqueued bigint NOT NULL DEFAULT 0,   -- jobs that came into being
    started bigint NOT NULL DEFAULT 0,    -- attempts, by when they began
    succeeded bigint NOT NULL DEFAULT 0,  -- attempts, by when they ended
    failed bigint NOT NULL DEFAULT 0,     -- the same
    lost bigint NOT NULL DEFAULT 0,       -- attempts whose worker was lost
    canceled bigint NOT NULL DEFAULT 0,   -- jobs that were called off
    dead bigint NOT NULL DEFAULT 0,       -- jobs that were buried
    wait_ms bigint NOT NULL DEFAULT 0,    -- sum over the attempts in wait
    run_ms bigint NOT NULL DEFAULT 0,     -- sum over the attempts in run
    wait bigint[] NOT NULL DEFAULT '{}',  -- of attempts, by when they began
    run bigint[] NOT NULL DEFAULT '{}',   -- of attempts that succeeded or failed, by when they ended
    PRIMARY KEY (step_s, at, queue, task)
) WITH (fillfactor = 60);

CREATE FUNCTION histogram_add(a bigint[], b bigint[]) RETURNS bigint[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN cardinality(a) = 0 THEN b WHEN cardinality(b) = 0 THEN a ELSE
        (SELECT array_agg(coalesce(x, 0) + coalesce(y, 0) ORDER BY i) FROM unnest(a, b) WITH ORDINALITY AS t (x, y, i))
    END
$$;

CREATE AGGREGATE histogram_sum(bigint[]) (SFUNC = histogram_add, STYPE = bigint[], INITCOND = '{}');

-- How things stood, once a minute. A minute that is not in here was not seen by any recorder.
CREATE TABLE sampled_minutes (
    at timestamptz PRIMARY KEY,
    recorder text NOT NULL,
    events_behind bigint NOT NULL,
    seconds_behind double precision NOT NULL
);

CREATE TABLE samples (
    at timestamptz NOT NULL,
    queue text NOT NULL,
    blocked bigint NOT NULL,
    scheduled bigint NOT NULL,
    queued bigint NOT NULL,
    running bigint NOT NULL,
    retrying bigint NOT NULL,
    succeeded bigint NOT NULL,            -- that the broker still knows, as dead and canceled
    dead bigint NOT NULL,
    canceled bigint NOT NULL,
    oldest_waiting_s double precision NOT NULL,
    consumers integer NOT NULL,           -- that serve it
    paused_by text NOT NULL,              -- '' when it was not paused
    paused_reason text NOT NULL,
    enqueued_per_minute bigint NOT NULL,  -- in the minute before
    succeeded_per_minute bigint NOT NULL,
    failed_per_minute bigint NOT NULL,
    PRIMARY KEY (at, queue)
);

CREATE TABLE consumer_samples (
    at timestamptz NOT NULL,
    consumer text NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    kind text NOT NULL,
    workers integer NOT NULL,
    queues text[] NOT NULL,               -- empty: all
    version text NOT NULL,
    memory_bytes bigint NOT NULL,
    started_at timestamptz NOT NULL,
    beat_at timestamptz NOT NULL,
    running text[] NOT NULL,              -- ids of the jobs that it ran
    PRIMARY KEY (at, consumer)
);
