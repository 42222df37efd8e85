"""A request body as a value: elements with text or children. Knows no XML; `wire` renders it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

Content: TypeAlias = "str | tuple[Element, ...]"


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its tag and either its text or its children, in order."""

    tag: str
    content: Content = field(default="", repr=False)  # may hold digits and call data

    def find(self, *path: str) -> Element | None:
        """Return the first element down that path of tags, or None."""
        here: Element | None = self
        for tag in path:
            if here is None or isinstance(here.content, str):
                return None
            here = next((child for child in here.content if child.tag == tag), None)
        return here

    def text(self, *path: str) -> str | None:
        """Return the text down that path of tags, or None."""
        found = self.find(*path)
        return found.content if found is not None and isinstance(found.content, str) else None

    def only_text(self, tag: str) -> str | None:
        """Return the text of the only child of that tag; None where there are none or several."""
        children = () if isinstance(self.content, str) else self.content
        return self.text(tag) if sum(child.tag == tag for child in children) == 1 else None
