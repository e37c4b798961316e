-- Uploaded files, from the reservation of an object key to their end.
-- depends: 0001_accounts

CREATE TABLE files (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id bigint NOT NULL REFERENCES users ON DELETE RESTRICT,
    object_key text NOT NULL UNIQUE CHECK (octet_length(object_key) BETWEEN 1 AND 1024),
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 500),
    mime_type text NOT NULL,
    size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
    visibility text NOT NULL CHECK (visibility IN ('public', 'private')),
    status text NOT NULL DEFAULT 'PENDING'
        CHECK (status IN ('PENDING', 'PROCESSING', 'COMPLETED', 'FAILED', 'DUPLICATE')),
    sha256 text CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    -- The attempt that has the file in hand while PROCESSING: an attempt that was replaced can write nothing more.
    attempt text,
    duplicate_of bigint REFERENCES files ON DELETE SET NULL,
    error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    uploaded_at timestamptz,
    updated_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz,
    CONSTRAINT files_completed CHECK (status <> 'COMPLETED' OR (sha256 IS NOT NULL AND completed_at IS NOT NULL)),
    CONSTRAINT files_processing CHECK ((status = 'PROCESSING') = (attempt IS NOT NULL)),
    CONSTRAINT files_failed CHECK (status <> 'FAILED' OR error IS NOT NULL)
);

-- The duplicate check itself: of two attempts that claim the same content of one owner, one fails here.
CREATE UNIQUE INDEX files_content ON files (owner_id, sha256) WHERE status IN ('PROCESSING', 'COMPLETED');

CREATE INDEX files_owner ON files (owner_id, id);
CREATE INDEX files_status ON files (status, id);
CREATE INDEX files_duplicate_of ON files (duplicate_of) WHERE duplicate_of IS NOT NULL;

-- What the clean-ups look for.
CREATE INDEX files_unfinished ON files (updated_at, id) WHERE status IN ('PENDING', 'FAILED');
CREATE INDEX files_completed_visibility ON files (visibility, id) WHERE status = 'COMPLETED';
