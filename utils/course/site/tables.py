"""Tables that read well on every screen: the page decides on their style, and wide ones scroll."""

from bs4 import BeautifulSoup, Tag

SHORT, LONG = 24, 40  # letters; up to here on one line, and with room for a few words on each
MANY = 7  # columns; such a table scrolls, and longer lines keep its rows low
OWN_STYLE = ("style", "border")


def tidy_table(table: Tag) -> None:
    """Without styles of its own, with one row of names, in a box in which it scrolls."""
    for tag in (table, *table(True)):
        for name in OWN_STYLE:
            tag.attrs.pop(name, None)
    _merge_names(table)
    for row in table("tr"):
        _span_heading(row("td"))
    for cell in table(["td", "th"]):
        length = len(_words(cell))
        kind = ["long"] if length > LONG else ["short"] if length <= SHORT else []
        cell["class"] = [*cell.get("class", []), *kind]
    if max((len(row(["td", "th"])) for row in table("tr")), default=0) >= MANY:
        table["class"] = [*table.get("class", []), "many"]
    box = {"class": "wide", "tabindex": "0", "role": "region", "aria-label": "Table"}
    table.wrap(BeautifulSoup().new_tag("div", attrs=box))


def _merge_names(table: Tag) -> None:
    """pandas has a row for the names of the columns and one for those of the index: make it one."""
    rows = [row("th") for row in table.thead("tr")] if table.thead else []
    if len(rows) < 2 or len(rows[-1]) != len(rows[-2]):
        return
    pairs = list(zip(rows[-2], rows[-1], strict=True))
    if not any(_words(above) and _words(below) for above, below in pairs):
        for above, below in pairs:
            if _words(below):
                above.string = _words(below)
        rows[-1][0].parent.decompose()


def _span_heading(cells: list[Tag]) -> None:
    """A row with nothing but bold words in one cell heads the rows below."""
    filled = [cell for cell in cells if _words(cell)]
    if len(filled) == 1 and filled[0].strong and len(cells) > 2:
        place = cells.index(filled[0])
        filled[0]["colspan"] = str(len(cells) - place)
        for cell in cells[place + 1 :]:
            cell.decompose()


def _words(cell: Tag) -> str:
    return cell.get_text().strip()
