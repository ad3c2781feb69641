"""All doors by name, the command line first."""

from __future__ import annotations

from functools import partial

from hypothesis import strategies as st

from bench.boards.naming import EntryName, parse_place
from bench.data.events.spec import parse_event_spec
from bench.evaluation.request.attack_specs import resolve_attack, resolve_path
from bench.foundation.model_refs import parse_model_ref
from bench.foundation.spec import parse_eps, parse_spec
from fuzz import board_doors, commands, data_doors, record_doors, samples
from fuzz.door import Door, from_file, from_text
from fuzz.grammar import changed, odd_words, texts
from zoo.card import read_card
from zoo.plain_yaml import load_plain

WORDS = st.lists(odd_words, min_size=1, max_size=3).map(lambda words: "".join(words).encode("utf-8", errors="surrogatepass"))
SPECS = (
    *(
        parse_spec,
        parse_eps,
        partial(parse_eps, norm="events_l0"),
        parse_model_ref,
        resolve_attack,
        resolve_path,
        parse_place,
    ),
    *(EntryName.parse, partial(parse_event_spec, T=10, sized=True)),
)

DOORS: dict[str, Door] = {
    "cli": Door(commands.command_lines(), commands.enter, (), commands.prepare),
    "spec": Door(WORDS, from_text(*SPECS)),
    "yaml": Door(
        texts("a: {b: [1, 2.5, x], c: 2026-01-02}\n", "- a\n- 'b'\n"),
        lambda content, folder: load_plain(content),
        (ValueError,),
    ),
    "zoo card": Door(
        texts(samples.CARD.read_text()) | changed(load_plain(samples.CARD.read_bytes()), "yaml"),
        from_file("snn_at.yaml", read_card),
        (ValueError,),
    ),
    **board_doors.DOORS,
    **record_doors.DOORS,
    **data_doors.DOORS,
}
