-- What was set on queues and said to consumers stands in their samples too. NULL: sampled before this was recorded.
-- depends: 0009_failure_counts

ALTER TABLE samples
    ADD COLUMN paused_at timestamptz,     -- since when it was paused
    ADD COLUMN limits jsonb;              -- by the names of storage.broker.records.Limits; {} for a queue without any

ALTER TABLE consumer_samples
    ADD COLUMN told text,                 -- its order, "quiet" or "stop"; '' for none
    ADD COLUMN is_silent boolean;
