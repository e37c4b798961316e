"""The tables as peewee models, for building queries; the migrations make the tables, never these.

The models are bound to no database: a query runs on the session that it is handed to. Rows leave
storage as frozen values, never as instances of these.
"""

from peewee import BigAutoField, BigIntegerField, BlobField, ForeignKeyField, IntegerField, Model, TextField
from pgvector.peewee import VectorField
from playhouse.postgres_ext import DateTimeTZField

EMBEDDING_SIZE = 768
"""How many numbers an embedding has."""


class Users(Model):
    """People who own files."""

    id = BigAutoField()
    email = TextField()
    name = TextField()
    created_at = DateTimeTZField()

    class Meta:
        table_name = "users"


class Files(Model):
    """Uploaded files, from the reservation of an object key to their end."""

    id = BigAutoField()
    owner = ForeignKeyField(Users, column_name="owner_id")
    object_key = TextField()
    name = TextField()
    mime_type = TextField()
    size_bytes = BigIntegerField()
    visibility = TextField()
    status = TextField()
    sha256 = TextField(null=True)
    attempt = TextField(null=True)
    duplicate_of = BigIntegerField(null=True)
    error = TextField(null=True)
    created_at = DateTimeTZField()
    uploaded_at = DateTimeTZField(null=True)
    updated_at = DateTimeTZField()
    completed_at = DateTimeTZField(null=True)

    class Meta:
        table_name = "files"


class Chunks(Model):
    """Pieces of the text of completed files, each with its vector."""

    id = BigAutoField()
    file = ForeignKeyField(Files, column_name="file_id")
    owner_id = BigIntegerField()
    ordinal = IntegerField()
    text = TextField()
    start_offset = IntegerField()
    end_offset = IntegerField()
    embedding_model = TextField()
    embedding = VectorField(dimensions=EMBEDDING_SIZE)

    class Meta:
        table_name = "chunks"


class BlacklistedTokens(Model):
    """Tokens that are no longer good, until they would have expired anyway."""

    token_hash = BlobField(primary_key=True)
    expires_at = DateTimeTZField()
    created_at = DateTimeTZField()

    class Meta:
        table_name = "blacklisted_tokens"
