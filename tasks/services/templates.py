"""Mail written from templates: NAME.txt, whose first line is its subject, and NAME.html beside it.

A template that wants a value nobody gave is an error, never a gap in a mail; values are escaped in HTML.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, TemplateError, select_autoescape
from msgspec import Struct

from tasks.errors import MailRefused
from tasks.services.mail import one_line

DIRECTORY = Path(__file__).with_suffix("")
_SUBJECT = "Subject:"


class Rendered(Struct, frozen=True):
    """A mail's own words; `html` is empty where the template has no HTML."""

    subject: str
    text: str
    html: str


class Templates:
    """The templates of a directory; those that come with Dewey unless told otherwise."""

    def __init__(self, directory: Path = DIRECTORY) -> None:
        self._directory = directory
        self._environment = Environment(
            loader=FileSystemLoader(directory),
            autoescape=select_autoescape(["html"], default_for_string=False),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Every template that can be rendered, by name."""
        return tuple(sorted(path.stem for path in self._directory.glob("[a-z]*.txt")))

    def render(self, name: str, values: Mapping[str, object]) -> Rendered:
        """Write the mail `name` with these values; the subject comes out as one line, whatever is in them.

        Raises:
            MailRefused: there is no such template, it lacks a subject, or it wants a value that is not given.
        """
        if name not in self.names:
            raise MailRefused(f"there is no mail template {one_line(name)!r}, only {', '.join(self.names)}")
        make, text_file, html_file = self._environment, f"{name}.txt", f"{name}.html"
        subject, _, text = (self._directory / text_file).read_text("utf-8").partition("\n")
        if not subject.startswith(_SUBJECT):
            raise MailRefused(f"the mail template {text_file} does not begin with a line '{_SUBJECT} ...'")
        has_html = (self._directory / html_file).is_file()
        return Rendered(
            one_line(_written(text_file, lambda: make.from_string(subject.removeprefix(_SUBJECT)), values)),
            _written(text_file, lambda: make.from_string(text), values).lstrip("\n"),
            _written(html_file, lambda: make.get_template(html_file), values) if has_html else "",
        )


def _written(file_name: str, template: Callable[[], Template], values: Mapping[str, object]) -> str:
    """What the template says with these values; what goes wrong in it can not heal by itself."""
    try:
        return template().render(values)
    except (TemplateError, AttributeError, TypeError, ValueError) as error:
        raise MailRefused(f"the mail template {file_name} can not be written: {error}") from error
