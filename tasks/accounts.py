"""What happens when somebody joins. The example of adding a job: a task is thin, and names its queue."""

from storage import users
from storage.users import User
from tasks import resources
from tasks.app import huey
from tasks.email import deliver
from tasks.services.mail import Mail
from tasks.services.templates import Templates


@huey.task(queue="email", retries=6, retry_delay=5, retry_backoff=3)
def send_welcome_email(user_id: int) -> dict[str, object] | None:
    """Welcome a new user by mail; None when the user is gone meanwhile."""
    user = users.get(resources.current().database, user_id)
    if user is None:
        return None
    words = Templates().render("welcome", {"name": user.name, "email": user.email})
    return deliver(Mail(to=user.email, subject=words.subject, text=words.text, html=words.html))


def register(email: str, name: str) -> tuple[User, str]:
    """Create a user and enqueue the welcome; answers the user and the id of that job.

    Raises:
        Refused: the address or the name is not one, or the address has an account already.
    """
    user = users.create(resources.current().database, email, name)
    handle = send_welcome_email(user_id=user.id)
    return user, str(handle.id)
