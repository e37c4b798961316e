"""Objects in a bucket of S3, R2 or their like, through boto3.

The client is made when first needed and once per process, since its connections must not be shared with a
fork. What boto3 raises is translated here.
"""

import contextlib
import os
import tempfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from datetime import UTC
from itertools import islice
from typing import IO, Any, Self

import boto3.session
from botocore import exceptions as botocore_exceptions
from botocore.config import Config
from botocore.parsers import ResponseParserError
from msgspec import Struct
from urllib3.exceptions import HTTPError

from storage.errors import ObjectMissing, StorageError, StoreRefused, StoreUnavailable
from storage.objects import BLOCK_BYTES, DEFAULT_TYPE, Body, ObjectInfo, Readable, blocks_of
from storage.secret import Secret
from storage.settings import Settings

MOST_KEYS_PER_REQUEST = 1_000
MOST_FAILURES_IN_A_ROW = 10
"""After so many, single deletes are given up for the rest of the keys: the store refuses them all."""
SPOOL_BYTES = 8 * 2**20
"""What an upload may take in memory while its size is not known; the rest waits on disk."""

MISSING_KEY = ("NoSuchKey", "404")
MISSING_BUCKET = ("NoSuchBucket",)
BAD_CREDENTIALS = (
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "Unauthorized",
)
TRANSIENT = (
    "InternalError",
    "OperationAborted",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
)
NO_CREDENTIALS = (
    botocore_exceptions.NoCredentialsError,
    botocore_exceptions.PartialCredentialsError,
    botocore_exceptions.CredentialRetrievalError,
    botocore_exceptions.ProfileNotFound,
)
WRONG_REQUEST = (botocore_exceptions.ParamValidationError, botocore_exceptions.ValidationError)


class Credentials(Struct, frozen=True):
    """Who asks. Kept out of every message."""

    access_key_id: Secret
    secret_access_key: Secret
    session_token: Secret | None = None


class S3Objects:
    """Objects in one bucket. With no credentials of its own it asks as boto3's chain says."""

    def __init__(
        self,
        bucket: str,
        *,
        endpoint_url: str | None = None,
        region: str | None = None,
        credentials: Credentials | None = None,
        tries: int = 4,
    ) -> None:
        self.bucket = bucket
        self.endpoint_url = endpoint_url
        self._region = region
        self._credentials = credentials
        self._tries = tries
        self._client_of: tuple[int, Any] | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The bucket that the settings name."""
        if settings.s3_bucket is None:
            raise StoreRefused("there is no bucket; set S3_BUCKET")
        credentials = None
        if settings.aws_access_key_id is not None and settings.aws_secret_access_key is not None:
            credentials = Credentials(
                settings.aws_access_key_id, settings.aws_secret_access_key, settings.aws_session_token
            )
        return cls(
            settings.s3_bucket,
            endpoint_url=settings.s3_endpoint_url,
            region=settings.bucket_region,
            credentials=credentials,
        )

    def put(
        self,
        key: str,
        body: bytes | Readable,
        *,
        content_type: str = DEFAULT_TYPE,
        max_bytes: int | None = None,
    ) -> int:
        # Spooled, because one PUT needs the size beforehand, and nothing may be sent of what is too large.
        with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as spool:
            for block in blocks_of(body, key, max_bytes):
                spool.write(block)
            size_bytes = spool.tell()
            spool.seek(0)
            with self._translated(key):
                self._client().put_object(
                    Bucket=self.bucket,
                    Key=key,
                    Body=spool,
                    ContentLength=size_bytes,
                    ContentType=content_type,
                )
        return size_bytes

    def open(self, key: str) -> Body:
        with self._translated(key):
            answer = self._client().get_object(Bucket=self.bucket, Key=key)
        stream: IO[bytes] = answer["Body"]
        return Body(_info(key, answer), self._blocks(key, stream), stream)

    def head(self, key: str) -> ObjectInfo | None:
        try:
            with self._translated(key):
                return _info(key, self._client().head_object(Bucket=self.bucket, Key=key))
        except ObjectMissing:
            # A HEAD has no body to say what is missing, the object or the bucket.
            self.check()
            return None

    def exists(self, key: str) -> bool:
        return self.head(key) is not None

    def check(self) -> None:
        """Returns when the bucket is there and answers.

        Raises: StoreUnavailable, StoreRefused.
        """
        try:
            with self._translated(""):
                self._client().head_bucket(Bucket=self.bucket)
        except ObjectMissing as error:
            raise self._no_bucket() from error

    def delete_many(self, keys: Iterable[str]) -> dict[str, str]:
        failures: dict[str, str] = {}
        remaining = iter(keys)
        while batch := list(islice(remaining, MOST_KEYS_PER_REQUEST)):
            failures.update(self._delete(batch))
        return failures

    def _delete(self, keys: Sequence[str]) -> dict[str, str]:
        """One request for all; where the store does not take it as a whole, one for each."""
        request = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
        try:
            answer = self._client().delete_objects(Bucket=self.bucket, Delete=request)
        except (botocore_exceptions.ClientError, ResponseParserError) as error:
            code = _code(error)
            if code in MISSING_BUCKET + BAD_CREDENTIALS:
                raise self._translation(error, "") from error
            return self._delete_one_by_one(keys)
        except (botocore_exceptions.BotoCoreError, HTTPError) as error:
            raise self._translation(error, "") from error
        return {
            error.get("Key", ""): f"{error.get('Code', '')}: {error.get('Message', '')}"
            for error in answer.get("Errors", ())
            if error.get("Code") not in MISSING_KEY
        }

    def _delete_one_by_one(self, keys: Sequence[str]) -> dict[str, str]:
        failures: dict[str, str] = {}
        in_a_row = 0
        words = ""
        for key in keys:
            if in_a_row == MOST_FAILURES_IN_A_ROW:
                failures[key] = f"not tried, since the {in_a_row} before it failed: {words}"
                continue
            try:
                self._client().delete_object(Bucket=self.bucket, Key=key)
            except (botocore_exceptions.ClientError, ResponseParserError) as error:
                code = _code(error)
                if code in MISSING_BUCKET + BAD_CREDENTIALS:
                    raise self._translation(error, key) from error
                if code not in MISSING_KEY:
                    failures[key] = words = _words(error)
                    in_a_row += 1
            except (botocore_exceptions.BotoCoreError, HTTPError) as error:
                raise self._translation(error, key) from error
            else:
                in_a_row = 0
        return failures

    def _client(self) -> Any:
        held = self._client_of
        if held is None or held[0] != os.getpid():
            # Two threads may both come here; then one client is used once and forgotten.
            self._client_of = held = (os.getpid(), self._new_client())
        return held[1]

    def _new_client(self) -> Any:
        secrets: dict[str, str] = {}
        if self._credentials is not None:
            secrets["aws_access_key_id"] = self._credentials.access_key_id.reveal()
            secrets["aws_secret_access_key"] = self._credentials.secret_access_key.reveal()
            if self._credentials.session_token is not None:
                secrets["aws_session_token"] = self._credentials.session_token.reveal()
        config = Config(
            signature_version="s3v4",
            # R2 and others refuse the checksums that boto3 adds by itself.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            retries={"total_max_attempts": self._tries, "mode": "standard"},
            connect_timeout=5,
            read_timeout=60,
            s3={"addressing_style": "path" if self.endpoint_url else "auto"},
        )
        try:
            # A session of its own: boto3's default one may not be used by several threads.
            return boto3.session.Session().client(
                "s3", endpoint_url=self.endpoint_url, region_name=self._region, config=config, **secrets
            )
        except ValueError as error:
            raise StoreRefused(f"{error}; check S3_ENDPOINT_URL and AWS_REGION") from error

    def _blocks(self, key: str, stream: Any) -> Generator[bytes, None, None]:
        with self._translated(key):
            yield from stream.iter_chunks(BLOCK_BYTES)

    @contextlib.contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        try:
            yield
        except (
            botocore_exceptions.ClientError,
            botocore_exceptions.BotoCoreError,
            ResponseParserError,
            HTTPError,
        ) as error:
            raise self._translation(error, key) from error

    def _translation(self, error: Exception, key: str) -> StorageError:
        code = _code(error)
        where = f"bucket {self.bucket}" + (f" at {self.endpoint_url}" if self.endpoint_url else "")
        if code in MISSING_KEY:
            return ObjectMissing(f"there is no object {key} in {where}")
        if code in MISSING_BUCKET:
            return self._no_bucket()
        if isinstance(error, NO_CREDENTIALS) or code in BAD_CREDENTIALS:
            return StoreRefused(
                f"{where} does not know these credentials: {_words(error)}; "
                "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        if isinstance(error, WRONG_REQUEST):
            return StoreRefused(f"{where} can not be asked this: {_words(error)}")
        if isinstance(error, botocore_exceptions.ClientError):
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if code not in TRANSIENT and status < 500 and status != 429:
                return StoreRefused(f"{where} refused: {_words(error)}")
        return StoreUnavailable(f"{where} did not answer as it should: {_words(error)}")

    def _no_bucket(self) -> StoreRefused:
        at = f" at {self.endpoint_url}" if self.endpoint_url else ""
        return StoreRefused(f"there is no bucket {self.bucket}{at}; create it, or check S3_BUCKET")


def _info(key: str, answer: dict[str, Any]) -> ObjectInfo:
    return ObjectInfo(key, answer["ContentLength"], answer["LastModified"].astimezone(UTC))


def _code(error: Exception) -> str:
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:500]
