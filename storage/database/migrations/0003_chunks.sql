-- The text of completed files in pieces, each with its vector. The extension `vector` is there already:
-- migrations.py sees to it, because it needs rights that the rest does not.
-- depends: 0002_files

CREATE TABLE chunks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    file_id bigint NOT NULL REFERENCES files ON DELETE CASCADE,
    owner_id bigint NOT NULL,
    ordinal integer NOT NULL CHECK (ordinal >= 0),
    text text NOT NULL,
    start_offset integer NOT NULL CHECK (start_offset >= 0),
    end_offset integer NOT NULL CHECK (end_offset >= start_offset),
    embedding_model text NOT NULL,
    embedding vector(768) NOT NULL,
    CONSTRAINT chunks_file_ordinal UNIQUE (file_id, ordinal)
);

-- 3 KiB of vector beside the row instead of in TOAST: an exact scan is more than twice as fast.
ALTER TABLE chunks ALTER COLUMN embedding SET STORAGE PLAIN;

CREATE INDEX chunks_owner_model ON chunks (owner_id, embedding_model);
CREATE INDEX chunks_embedding ON chunks USING hnsw (embedding vector_cosine_ops);
