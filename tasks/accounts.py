"""What happens when somebody joins. The example of adding a job: a task is thin, and names its queue."""

from storage import users
from storage.users import User
from tasks import email, resources
from tasks.app import huey
from tasks.errors import Transient
from tasks.services.mail import Mail
from tasks.services.templates import Templates


@huey.task(queue="email", retries=6, retry_delay=5, retry_backoff=3)
def send_welcome_email(user_id: int) -> dict[str, object]:
    """Welcome a new user by mail."""
    user = users.get(resources.current().database, user_id)
    if user is None:  # the job may be quicker than the transaction that adds the user
        raise Transient(f"there is no user {user_id}, or not yet")
    words = Templates().render("welcome", {"name": user.name, "email": user.email})
    return email.deliver(Mail(to=user.email, subject=words.subject, text=words.text, html=words.html))


def register(address: str, name: str) -> tuple[User, str]:
    """Create a user and enqueue the welcome, both or neither; answers the user and the id of that job.

    Raises:
        Refused: the address or the name is not one, or the address has an account already.
        StoreUnavailable: a store did not answer; there is no such user, and asking again is right.
    """
    database = resources.current().database
    with database.transaction():
        user = users.create(database, address, name)
        handle = send_welcome_email(user_id=user.id)
    return user, str(handle.id)
