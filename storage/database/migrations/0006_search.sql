-- How what happened is found again: an index for each field of a filter; and what operators said of failure groups.
-- A row of jobs is written about twice, and each index of its table as often: hence those that only some rows are in.
-- depends: 0005_measures

-- PL/pgSQL for what is dear, since the planner forgets the cost of SQL functions that it inlines.

-- The words of a text: what stands between spaces and {}[]",:/ in lower case. Of 8,000 characters; and of a word in a
-- text of more than 2,000 bytes, 64 characters: an index takes no longer ones.
CREATE FUNCTION words_of(given text) RETURNS tsvector LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 400 AS $$
BEGIN
    given := translate(lower(left(given, 8000)), '{}[]",:/', '        ');
    IF octet_length(given) > 2000 THEN
        given := regexp_replace(given, '([^ ]{64})[^ ]+', '\1', 'g');
    END IF;
    RETURN array_to_tsvector(array_remove(string_to_array(given, ' ', ''), NULL));
END
$$;

-- An error as a filter sees it: its type and message in lower case, 1,000 characters of them.
CREATE FUNCTION error_text(error_type text, error text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN lower(left(error_type || ': ' || error, 1000));

-- Every three characters in a row that a text has: those of a part of it are among them.
CREATE FUNCTION trigrams_of(given text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $$
BEGIN
    RETURN (SELECT array_agg(DISTINCT substr(given, i, 3)) FROM generate_series(1, length(given) - 2) AS i);
END
$$;

CREATE INDEX jobs_id ON jobs (id text_pattern_ops);
CREATE INDEX jobs_state ON jobs (state) WHERE state <> 'succeeded';
CREATE INDEX jobs_queue ON jobs (queue);
CREATE INDEX jobs_task ON jobs (task);
CREATE INDEX jobs_host ON jobs (host text_pattern_ops) WHERE host <> '';
CREATE INDEX jobs_worker ON jobs (worker text_pattern_ops) WHERE worker <> '';
CREATE INDEX jobs_duration ON jobs (duration_ms) WHERE duration_ms IS NOT NULL;
CREATE INDEX jobs_wait ON jobs (wait_ms) WHERE wait_ms IS NOT NULL;
CREATE INDEX jobs_attempt ON jobs (attempt) WHERE attempt <> 1;
CREATE INDEX jobs_parent ON jobs (parent text_pattern_ops) WHERE parent <> '';
CREATE INDEX jobs_unique ON jobs (unique_key text_pattern_ops) WHERE unique_key <> '';
CREATE INDEX jobs_fingerprint ON jobs (fingerprint text_pattern_ops) WHERE fingerprint <> '';
CREATE INDEX jobs_failed ON jobs (error_type) WHERE error <> '' OR error_type <> '';
CREATE INDEX jobs_error ON jobs USING gin (trigrams_of(error_text(error_type, error)))
    WHERE error <> '' OR error_type <> '';
-- Once per job, when it has ended: the few that have not are looked at one by one.
CREATE INDEX jobs_arguments ON jobs USING gin (words_of(args::text)) WHERE state IN ('succeeded', 'dead', 'canceled');

CREATE INDEX attempts_failed ON attempts (finished_at) INCLUDE (fingerprint, host, version) WHERE fingerprint <> '';

CREATE INDEX logs_job ON logs (job_id);
CREATE INDEX logs_words ON logs USING gin (words_of(message));

-- What operators said of a failure group. A resolved one that fails again is regressed, by the times alone.
CREATE TABLE failure_marks (
    fingerprint text PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('muted', 'resolved')),
    note text NOT NULL,
    by text NOT NULL,
    at timestamptz NOT NULL
);
