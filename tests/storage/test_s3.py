"""What S3 can answer, over sockets to the real boto3: what is missing, refused, cut off, or not there."""

import socket

import pytest

from storage.errors import ObjectMissing, StoreRefused, StoreUnavailable
from storage.s3 import MOST_FAILURES_IN_A_ROW, Credentials, S3Objects
from storage.secret import Secret
from tests.object_servers import CREDENTIALS, Answer, Request, error, scripted_server

EMPTY_RESULT = b'<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></DeleteResult>'


def absent(s3_url: str) -> S3Objects:
    return S3Objects("no-such-bucket", endpoint_url=s3_url, region="auto", credentials=CREDENTIALS)


def test_a_missing_bucket_is_the_operators_error_and_never_a_missing_object(s3_url: str) -> None:
    store = absent(s3_url)
    with pytest.raises(StoreRefused, match="no bucket no-such-bucket"):
        store.open("one")
    with pytest.raises(StoreRefused, match="no bucket no-such-bucket"):
        store.head("one")
    with pytest.raises(StoreRefused, match="no bucket no-such-bucket"):
        store.put("one", b"x")
    with pytest.raises(StoreRefused, match="no bucket no-such-bucket"):
        store.delete_many(["one"])
    with pytest.raises(StoreRefused, match="no bucket no-such-bucket"):
        store.check()


def test_a_bucket_that_is_there_passes_the_check(s3_store: S3Objects) -> None:
    s3_store.check()


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    store = S3Objects("b", endpoint_url=f"http://127.0.0.1:{port}", region="auto", credentials=CREDENTIALS)
    with pytest.raises(StoreUnavailable):
        store.open("one")
    with pytest.raises(StoreUnavailable):
        store.delete_many(["one"])


def test_a_body_that_ends_too_soon_is_not_taken_for_the_whole() -> None:
    with scripted_server(lambda _: Answer(body=b"half", missing_bytes=4)) as server:
        body = server.store().open("one")
        with body, pytest.raises(StoreUnavailable):
            list(body)


def test_an_upload_carries_no_checksum_that_r2_would_refuse() -> None:
    with scripted_server(lambda _: Answer()) as server:
        server.store().put("one", b"content")
    (request,) = server.requests
    assert request.body == b"content"
    assert [name for name in request.headers if "checksum" in name.lower() or "trailer" in name.lower()] == []


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"])
def test_a_refusal_is_not_worth_another_try(code: str) -> None:
    with scripted_server(lambda _: error(403, code)) as server, pytest.raises(StoreRefused, match=code):
        server.store().open("one")


@pytest.mark.parametrize(("status", "code"), [(503, "SlowDown"), (500, "InternalError"), (429, "Whatever")])
def test_a_server_in_trouble_is_worth_another_try(status: int, code: str) -> None:
    with scripted_server(lambda _: error(status, code)) as server, pytest.raises(StoreUnavailable, match=code):
        server.store().open("one")


def test_an_answer_that_is_not_s3s_is_worth_another_try() -> None:
    def answer(request: Request) -> Answer:
        return Answer(502, b"<html>Bad gateway")

    with scripted_server(answer) as server, pytest.raises(StoreUnavailable):
        server.store().open("one")


def test_trouble_that_passes_is_not_even_noticed() -> None:
    answers = iter([error(500, "InternalError"), Answer(body=b"content")])
    with scripted_server(lambda _: next(answers)) as server:
        store = S3Objects("files", endpoint_url=server.url, region="auto", credentials=CREDENTIALS)
        assert b"".join(store.open("one")) == b"content"


def test_a_missing_object_in_s3s_own_words(s3_store: S3Objects) -> None:
    with pytest.raises(ObjectMissing, match="files/none"):
        s3_store.open("files/none")


def test_a_thousand_and_three_keys_are_deleted_in_two_requests() -> None:
    with scripted_server(lambda _: Answer(body=EMPTY_RESULT)) as server:
        assert server.store().delete_many(f"k{number}" for number in range(1003)) == {}
    assert [len(request.keys) for request in server.requests] == [1000, 3]
    assert all(b"<Quiet>true</Quiet>" in request.body for request in server.requests)


def test_a_key_that_the_bucket_will_not_delete_is_reported_and_one_that_is_gone_is_not() -> None:
    failed = b"""
        <DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
          <Error><Key>locked</Key><Code>AccessDenied</Code><Message>retention</Message></Error>
          <Error><Key>gone</Key><Code>NoSuchKey</Code><Message>none</Message></Error>
        </DeleteResult>
    """
    with scripted_server(lambda _: Answer(body=failed)) as server:
        assert server.store().delete_many(["a", "locked", "gone"]) == {"locked": "AccessDenied: retention"}


def test_a_store_that_does_not_know_the_request_for_many_is_asked_one_by_one() -> None:
    def answer(request: Request) -> Answer:
        if request.method == "POST":
            return error(501, "NotImplemented")
        if request.path.endswith("/locked"):
            return error(403, "AccessDenied")
        return error(404, "NoSuchKey") if request.path.endswith("/gone") else Answer(204)

    with scripted_server(answer) as server:
        failures = server.store().delete_many(["a", "locked", "gone", "b"])
    assert list(failures) == ["locked"]
    assert "AccessDenied" in failures["locked"]
    assert [request.path for request in server.requests if request.method == "DELETE"] == [
        "/files/a",
        "/files/locked",
        "/files/gone",
        "/files/b",
    ]


def test_a_store_that_refuses_every_key_is_not_asked_for_all_of_them() -> None:
    with scripted_server(lambda _: error(403, "AccessDenied")) as server:
        failures = server.store().delete_many(f"k{number}" for number in range(100))
    assert len(failures) == 100
    assert "not tried" in failures["k99"]
    assert len([request for request in server.requests if request.method == "DELETE"]) == MOST_FAILURES_IN_A_ROW


def test_a_key_that_xml_can_not_carry_does_not_spoil_the_rest_of_its_batch(s3_store: S3Objects) -> None:
    s3_store.put("good", b"x")
    assert s3_store.delete_many(["bad\x01key", "good"]) == {}
    assert not s3_store.exists("good")


def test_missing_credentials_name_the_settings(monkeypatch: pytest.MonkeyPatch, s3_url: str) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(StoreRefused, match="AWS_ACCESS_KEY_ID"):
        S3Objects("b", endpoint_url=s3_url, region="auto").open("one")


def test_an_endpoint_that_is_no_address_names_the_setting() -> None:
    with pytest.raises(StoreRefused, match="S3_ENDPOINT_URL"):
        S3Objects("b", endpoint_url="not an address", region="auto", credentials=CREDENTIALS).open("one")


def test_no_message_and_no_repr_shows_a_secret() -> None:
    secret = Credentials(Secret("identity"), Secret("hunter2"))
    with scripted_server(lambda _: error(403, "SignatureDoesNotMatch")) as server:
        store = S3Objects("b", endpoint_url=server.url, region="auto", credentials=secret)
        with pytest.raises(StoreRefused) as caught:
            store.open("one")
    assert "hunter2" not in str(caught.value) + repr(store) + repr(secret)


def test_the_client_is_made_once_per_process(s3_store: S3Objects) -> None:
    s3_store.put("one", b"x")
    first = s3_store._client()
    s3_store.put("two", b"x")
    assert s3_store._client() is first
