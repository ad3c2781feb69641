"""Records and comparisons as tables of a notebook: HTML in which every word of a stranger is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from bench.foundation.escaping import one_line

if TYPE_CHECKING:
    from jinja2 import Template

    from bench.tasks.summary import Line

_TABLE = """<p>{{ title }}</p>
<table>
<thead><tr>{% for name in names %}<th>{{ name }}</th>{% endfor %}</tr></thead>
<tbody>
{% for line in lines %}<tr>{% for name in names %}<td>{{ line[name] }}</td>{% endfor %}</tr>
{% endfor %}</tbody>
</table>
{% for note in notes %}<p>{{ note }}</p>
{% endfor %}"""


@cache
def _template() -> Template:
    from jinja2 import Environment

    return Environment(autoescape=True).from_string(_TABLE)


def table_html(lines: Sequence[Line], *, title: str, notes: Sequence[str] = ()) -> str:
    """Rows under the keys of the first one, between a title and some sentences."""
    shown = [{one_line(name): one_line(cell) for name, cell in line.items()} for line in lines]
    sentences = [one_line(note, len(note)) for note in notes]
    return _template().render(title=one_line(title), names=list(shown[0]) if shown else [], lines=shown, notes=sentences)
