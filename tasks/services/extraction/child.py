"""The process that opens a document which nobody trusts: started by `sandbox`, run as a script on its own.

It imports nothing of this project. It confines itself, reads what its only argument asks for (JSON), and
answers on its standard output in lines of JSON, of which the last one is `done` or `failed`::

    {"ready": true}                                              confined, about to open the document
    {"page": 3, "of": 7, "text": "...", "image": false, "broken": ""}
    {"format": "PNG", "width": 32, "height": 32, "mode": "RGB", "media_type": "...", "picture": base64 or ""}
    {"done": true}
    {"failed": "encrypted" | "large" | "broken", "reason": "..."}

It never outlives its parent by more than its own wall time: the kernel kills it when the parent's thread
ends (Linux), when its timer or its CPU time runs out, or it dies of writing into a closed pipe.
"""

import base64
import ctypes
import io
import json
import logging
import os
import resource
import signal
import struct
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Request = dict[str, Any]
_PR_SET_PDEATHSIG = 1
_MAX_SIDE_PIXELS = 3072


class Refusal(Exception):
    """The document is refused, with the word and the reason that the parent is told."""

    def __init__(self, word: str, reason: str) -> None:
        super().__init__(reason)
        self.word = word


def confine(request: Request) -> None:
    """Take away from this process what reading a document does not need, for good."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != request["parent_pid"]:
            os._exit(1)
        try:
            Path("/proc/self/oom_score_adj").write_text("900", "ascii")
        except OSError:
            logging.debug("the kernel does not take a word on whom to end first when memory is short")
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, request["wall_s"] + 2)
    cpu_s = max(1, round(request["cpu_s"]))
    memory_bytes = request["memory_bytes"]
    for limit, soft, hard in (
        (resource.RLIMIT_CPU, cpu_s, cpu_s + 2),
        (resource.RLIMIT_AS, memory_bytes, memory_bytes),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_NOFILE, 64, 64),
    ):
        _limit(limit, soft, hard)
    sys.dont_write_bytecode = True
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)


def _limit(limit: int, soft: int, hard: int) -> None:
    """Lower a limit; where the system does not know it, or set it lower already, that stands."""
    _, most = resource.getrlimit(limit)
    if most != resource.RLIM_INFINITY:
        soft, hard = min(soft, most), min(hard, most)
    try:
        resource.setrlimit(limit, (soft, hard))
    except (ValueError, OSError):
        logging.debug("limit %s can not be set here", limit)


def read_pdf(request: Request) -> Iterator[Request]:
    """Every page of a PDF in turn; one that can not be read is said to be broken, and the next is read."""
    from pypdf import PdfReader  # noqa: PLC0415 (after the limits, and only for this kind)

    reader = PdfReader(request["path"])
    if reader.is_encrypted and not reader.decrypt(""):
        raise Refusal("encrypted", "it needs a password")
    total, characters = len(reader.pages), 0
    if total > request["pages"]:
        raise Refusal("large", f"it has {total:,} pages, and at most {request['pages']:,} are read")
    for number in range(1, total + 1):
        text, has_image, broken = _read_page(reader, number - 1)
        characters += len(text)
        if characters > request["characters"]:
            raise Refusal(
                "large",
                f"its first {number:,} of {total:,} pages hold over {request['characters']:,} characters",
            )
        yield {"page": number, "of": total, "text": text, "image": has_image, "broken": broken}


def _read_page(reader: Any, index: int) -> tuple[str, bool, str]:
    try:
        page = reader.pages[index]
        text = page.extract_text()
        return text, not text.strip() and _has_image(page), ""
    except MemoryError:
        raise
    except Exception as error:
        if type(error).__name__ in ("FileNotDecryptedError", "WrongPasswordError"):
            raise
        return "", False, f"{type(error).__name__}: {error}"[:200]  # pypdf lets out every kind


def _has_image(page: Any) -> bool:
    if "/Resources" not in page or "/XObject" not in page["/Resources"]:
        return False
    drawn = page["/Resources"]["/XObject"]
    return any(drawn[name].get("/Subtype") == "/Image" for name in drawn)


def read_image(request: Request) -> Iterator[Request]:
    """The format and size of an image whose pixels were all decoded, and a copy fit for a vision model."""
    from PIL import Image  # noqa: PLC0415 (after the limits, and only for this kind)

    Image.MAX_IMAGE_PIXELS = None
    if request["format"] == "HEIC":
        yield _heic(request)
        return
    with Image.open(request["path"], formats=(request["format"],)) as image:
        width, height = image.size
        if width * height > request["pixels"]:
            raise Refusal("large", f"it has {width:,} × {height:,} pixels, more than {request['pixels']:,}")
        described: Request = {
            "format": request["format"],
            "width": width,
            "height": height,
            "mode": image.mode,
        }
        image.load()
        yield described | _picture(request, image)


def _picture(request: Request, image: Any) -> Request:
    """The file itself where the model takes it, otherwise its first frame as a JPEG of bounded size."""
    if not request["accepted_types"]:
        return {"media_type": "", "picture": ""}
    content = Path(request["path"]).read_bytes()
    media_type = request["media_type"]
    if media_type not in request["accepted_types"] or len(content) > request["picture_bytes"]:
        image = image.convert("RGBA") if image.has_transparency_data else image.convert("RGB")
        image.thumbnail((_MAX_SIDE_PIXELS, _MAX_SIDE_PIXELS))
        if image.mode == "RGBA":
            from PIL import Image  # noqa: PLC0415 (as above)

            paper = Image.new("RGB", image.size, "white")
            paper.paste(image, mask=image.getchannel("A"))
            image = paper
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=85)
        content, media_type = buffer.getvalue(), "image/jpeg"
    return {"media_type": media_type, "picture": base64.b64encode(content).decode("ascii")}


def _heic(request: Request) -> Request:
    """Pillow can not decode HEIC: the size is read from its boxes; the largest is that of the whole image."""
    content = Path(request["path"]).read_bytes()
    sizes, at = [(0, 0)], content.find(b"ispe", 0, 2**16)
    while at >= 0 and len(content) >= at + 16:
        sizes.append(struct.unpack(">II", content[at + 8 : at + 16]))
        at = content.find(b"ispe", at + 4, 2**16)
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    if not width:
        raise Refusal("broken", "its header does not say how large the image is")
    fits = request["media_type"] in request["accepted_types"] and len(content) <= request["picture_bytes"]
    picture = base64.b64encode(content).decode("ascii") if fits else ""
    media_type = request["media_type"] if fits else ""
    size = {"format": "HEIC", "width": width, "height": height, "mode": ""}
    return size | {"media_type": media_type, "picture": picture}


def failure(error: BaseException, request: Request) -> Request:
    """What the parent is told about an exception: every one is the document's own fault."""
    if isinstance(error, Refusal):
        return {"failed": error.word, "reason": str(error)}
    if isinstance(error, MemoryError):
        most = request["memory_bytes"] // 2**20
        return {"failed": "large", "reason": f"it takes more than {most:,} MiB of memory to read"}
    if type(error).__name__ in ("FileNotDecryptedError", "WrongPasswordError"):
        return {"failed": "encrypted", "reason": "it needs a password"}
    if type(error).__name__ == "LimitReachedError":
        return {"failed": "large", "reason": f"it unpacks to more than is allowed ({error})"[:500]}
    return {"failed": "broken", "reason": f"{type(error).__name__}: {error}"[:500]}


def main() -> None:
    """Answer the request in `sys.argv[1]` on standard output, line by line."""
    request: Request = json.loads(sys.argv[1])
    sys.path.extend(request["library_paths"])
    answers = os.fdopen(os.dup(1), "w", encoding="ascii", newline="\n")
    os.dup2(2, 1)

    def say(answer: Request) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    readers: dict[str, Callable[[Request], Iterator[Request]]] = {"pdf": read_pdf, "image": read_image}
    read = readers[request["kind"]]
    confine(request)
    try:
        say({"ready": True})
        try:
            for answer in read(request):
                say(answer)
            say({"done": True})
        except (BrokenPipeError, ImportError):
            raise
        except Exception as error:  # noqa: BLE001 (the attempt of this process ends here, and is reported)
            say(failure(error, request))
    except BrokenPipeError:
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
