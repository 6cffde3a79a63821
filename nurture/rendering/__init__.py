"""From a template file and a prospect to a message. The names below are the door; the rest is inside.

split(path, text) -> Source
    A file's parts: front_text (YAML), body_text, text_part (after `--- text`, or None) and their lines.
compile_piece(path, source, *, subject, preheader, title, layout, layouts, sender, site) -> Template
    Once, when the programme is loaded. `path` is the file's name, ending in .md or .html. `subject` and
    `preheader` are `Words(text, line, column)`: the front matter's values and where they stand.
    `layout` names one of `layouts` (name -> text of templates/layouts/<name>.html); None: the body is a
    whole HTML document. Raises TemplateProblems, whose `.problems` are all that is wrong, sorted:
    TemplateProblem(path, line, column, what, hint). A problem of a layout names the layout's file, so
    equal ones come back for every piece that uses it: keep them in a set.
Template
    .links     absolute targets; link number n (from 1) is links[n - 1]
    .uses      attributes of `prospect` without which there is no message
    .mentions  all attributes of `prospect` in it, the guarded ones too
    .names     every place of one: Name(attribute, line, column, path). Whether the attribute is declared
               is for the caller to say.
    .sender, .site   what it was compiled for
    .size      bytes of its HTML before values; .warnings  TemplateProblems to tell, that refuse nothing
render(template, prospect, *, sender, site, link, unsubscribe_url) -> Rendered(subject, html, text)
    For one recipient. `prospect` maps attributes to plain data, absent or None where not known;
    `link(n)` gives the address to print for link n. Raises MissingValue or UnfitValue, both CannotRender.
outline_of(template, *, link, unsubscribe_url, first) -> Outline | None
    The same piece taken apart, for those who write many: `.text` and `.html` are runs of text and numbers of
    places, `.fill(prospect, unsubscribe_url) -> Filling(subject, values) | None` gives what stands there, and
    `place(number)` is what `link(n)` holds where something of the caller's stands. None: ask `render`.
compile_packet(html, text, *, path="templates/sales/packet") -> PacketTemplate
    Sales' note: `html` of packet.html, `text` of packet.txt, whose first line is `Subject: ...`. One
    variable, `packet`. Raises TemplateProblems.
compile_confirmation(html, text, *, path="templates/mail/confirm") -> PacketTemplate
    The mail that asks whether a consent was theirs, made of the same two files. One variable, `asked`, whose
    `link` both parts show. Raises TemplateProblems.
render_packet(template, packet) -> Rendered
    `packet` is plain data: dicts, lists, text, numbers, dates.
"""

from nurture.rendering.expressions import Name
from nurture.rendering.messages import Rendered, render
from nurture.rendering.outline import Filling, Outline, outline_of, place
from nurture.rendering.packets import (
    PacketTemplate,
    compile_confirmation,
    compile_packet,
    render_packet,
)
from nurture.rendering.pieces import CLIPPED_FROM, Template, compile_piece
from nurture.rendering.problems import (
    CannotRender,
    MissingValue,
    TemplateProblem,
    TemplateProblems,
    UnfitValue,
)
from nurture.rendering.source import Source, Words, split

__all__ = [
    "CLIPPED_FROM",
    "CannotRender",
    "Filling",
    "MissingValue",
    "Name",
    "Outline",
    "PacketTemplate",
    "Rendered",
    "Source",
    "Template",
    "TemplateProblem",
    "TemplateProblems",
    "UnfitValue",
    "Words",
    "compile_confirmation",
    "compile_packet",
    "compile_piece",
    "outline_of",
    "place",
    "render",
    "render_packet",
    "split",
]
