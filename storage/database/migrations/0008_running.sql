-- What ran at an instant of the past is found among what began within minutes of it, and what was seen to run then.
-- depends: 0007_actions

CREATE INDEX jobs_started ON jobs USING brin (started_at) WITH (pages_per_range = 32);
CREATE INDEX attempts_started ON attempts USING brin (started_at) WITH (pages_per_range = 32);
