-- How many attempts failed of each cause, so that nobody need count those of a month again and again.
-- depends: 0008_running

CREATE TABLE failure_counts (
    step_s integer NOT NULL,              -- hours (3600), and days (86400) by host and version; of UTC
    at timestamptz NOT NULL,              -- where the step begins
    fingerprint text NOT NULL,
    host text NOT NULL DEFAULT '',        -- '' by hour
    version text NOT NULL DEFAULT '',     -- the same
    attempts bigint NOT NULL,
    PRIMARY KEY (step_s, at, fingerprint, host, version)
) WITH (fillfactor = 60);

-- Whoever adds attempts, they are counted in the same statement, and once: an attempt is added once.
CREATE FUNCTION count_failures() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO failure_counts AS f (step_s, at, fingerprint, host, version, attempts)
    SELECT 3600, date_trunc('hour', finished_at, 'UTC'), fingerprint, '', '', count(*)
    FROM added WHERE fingerprint <> '' AND finished_at IS NOT NULL GROUP BY 2, 3
    UNION ALL
    SELECT 86400, date_trunc('day', finished_at, 'UTC'), fingerprint, host, version, count(*)
    FROM added WHERE fingerprint <> '' AND finished_at IS NOT NULL GROUP BY 2, 3, 4, 5
    ON CONFLICT (step_s, at, fingerprint, host, version) DO UPDATE SET attempts = f.attempts + excluded.attempts;
    RETURN NULL;
END
$$;

CREATE TRIGGER attempts_counted AFTER INSERT ON attempts
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_failures();

INSERT INTO failure_counts (step_s, at, fingerprint, host, version, attempts)
SELECT 3600, date_trunc('hour', finished_at, 'UTC'), fingerprint, '', '', count(*)
FROM attempts WHERE fingerprint <> '' AND finished_at IS NOT NULL GROUP BY 2, 3
UNION ALL
SELECT 86400, date_trunc('day', finished_at, 'UTC'), fingerprint, host, version, count(*)
FROM attempts WHERE fingerprint <> '' AND finished_at IS NOT NULL GROUP BY 2, 3, 4, 5;
