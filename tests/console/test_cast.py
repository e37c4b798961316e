"""The README's cast: the story is played to its end, and what comes of it moves by itself, anywhere."""

import asyncio
import re
from xml.etree import ElementTree

from screenshots import cast

LARGEST_BYTES = 1_500_000


def test_the_cast_tells_its_story_and_fetches_nothing() -> None:
    frames = asyncio.run(cast.play())
    told = [frame.text for frame in frames]
    for words in ("Canary requeue", "canary running", "Log", "Discard", "Undo"):
        assert any(words in text for text in told), words
    dead = [re.search(r"NoteError: .*?…\s+import_note\s+(\S+) ", text) for text in told[-3:]]
    assert [found and found[1] for found in dead] == ["–", "–", "1"], "what was discarded is back"
    svg = cast.animated(frames)
    root = ElementTree.fromstring(svg)
    assert len(root.findall("{http://www.w3.org/2000/svg}g")) == len(cast.STORY)
    assert svg.count("@keyframes") == len(cast.STORY)
    assert set(re.findall(r"https?://[^\"' )<]+", svg)) == {"http://www.w3.org/2000/svg", "https://www.textualize.io"}
    assert "<script" not in svg
    assert len(svg.encode()) < LARGEST_BYTES


def test_each_frame_stands_alone_in_its_time() -> None:
    frames = [cast.Frame('<svg viewBox="0 0 10 10"/>', "", f"{n} < 3", 1.0) for n in range(3)]
    svg = cast.animated(frames)
    assert "@keyframes f0{0.000%{visibility:visible}33.333%{visibility:hidden}}" in svg
    assert "@keyframes f1{0%{visibility:hidden}33.333%{visibility:visible}66.667%{visibility:hidden}}" in svg
    assert "@keyframes f2{0%{visibility:hidden}66.667%{visibility:visible}}" in svg
    assert svg.count('visibility="hidden"') == 2
    assert "2 &lt; 3" in svg
