"""Makes the data of ``retail.Dataflow``: orders with the dirt of real exports, and what goes with them.

    python examples/generate.py                     # the committed data: 4,000 orders, seed 7
    python examples/generate.py --orders 5000000 --folder /tmp/retail

Any size, constant memory; the same seed gives the same bytes.  Needs pyarrow for the Parquet file
only; the workbook is written with the zip library.
"""

from __future__ import annotations

import argparse
import json
import random
import zipfile
from datetime import date, timedelta
from pathlib import Path

CHANNELS = ("web", "store", "phone")
CITIES = ("berlin", "LYON", "são paulo", "new york", "Ōsaka", "kraków", "san josé", "aix-en-provence")
FIRST = ("ada", "grace", "alan", "edsger", "barbara", "donald", "frances", "niklaus", "radia", "tony")
LAST = ("LOVELACE", "hopper", "turing", "dijkstra", "liskov", "knuth", "allen", "wirth", "perlman", "o'hoare")
CATEGORIES = ("Toys", "Garden", "Kitchen", "Books", "Sport")
START = date(2024, 1, 1)


def orders(folder: Path, count: int, customers: int, products: int, rng: random.Random) -> None:
    """orders.csv: about one line in thirty is blank, or has a bad number, a bad date or a missing field."""
    with open(folder / "orders.csv", "w", encoding="utf-8", newline="") as out:
        out.write("OrderId,OrderDate,CustomerId,ProductId,Quantity,UnitPrice,Channel,Comment\r\n")
        for number in range(1, count + 1):
            day = START + timedelta(days=rng.randrange(366))
            fields = [
                str(number), day.isoformat(), str(rng.randrange(1, customers + 1)),
                f"P{rng.randrange(1, products + 1):04d}", str(rng.randrange(1, 9)),
                f"{rng.randrange(199, 19999) / 100:.2f}", rng.choice(CHANNELS), comment(rng),
            ]  # fmt: skip
            spoil(fields, rng)
            out.write(",".join(fields) + "\r\n")


def comment(rng: random.Random) -> str:
    """Mostly empty; some have commas, quotes and line breaks."""
    chance = rng.random()
    if chance > 0.06:
        return ""
    return ('"leave at the door, please"', '"say ""hello"""', '"two\r\nlines"', "gift")[int(chance * 60) % 4]


def spoil(fields: list[str], rng: random.Random) -> None:
    """Breaks a line now and then, as people and exports do."""
    chance = rng.random()
    if chance < 0.006:
        fields[4] = rng.choice(("three", "2,5x", "#N/A"))
        fields[4] = f'"{fields[4]}"'
    elif chance < 0.012:
        fields[1] = rng.choice(("2024-02-30", "31.31.2024", "yesterday"))
    elif chance < 0.018:
        fields[5] = rng.choice(("n/a", "", "12.3.4"))
    elif chance < 0.024:
        fields[6] = rng.choice((" WEB ", "Store", ""))
    elif chance < 0.03:
        fields[:] = [""] * len(fields)


def customers(folder: Path, count: int, rng: random.Random) -> None:
    """customers.json: a list of objects, some without an address."""
    people = []
    for number in range(1, count + 1):
        person: dict[str, object] = {
            "id": number,
            "name": f"{rng.choice(FIRST)} {rng.choice(LAST)}",
            "since": (START - timedelta(days=rng.randrange(3000))).isoformat(),
        }
        if rng.random() > 0.05:
            person["address"] = {"city": rng.choice(CITIES), "zip": f"{rng.randrange(99999):05d}"}
        people.append(person)
    text = ",\n".join(json.dumps(p, ensure_ascii=False) for p in people)
    (folder / "customers.json").write_text(f"[\n{text}\n]\n", encoding="utf-8")


def products(folder: Path, count: int, rng: random.Random) -> None:
    """products.xlsx: one sheet "Products" with a header row."""
    rows = [["ProductId", "Product", "Category", "Cost"]]
    for number in range(1, count + 1):
        category = rng.choice(CATEGORIES)
        rows.append(
            [f"P{number:04d}", f"{category} item {number}", category, f"{rng.randrange(50, 9000) / 100:.2f}"]
        )
    sheet = "".join(_sheet_row(index, row) for index, row in enumerate(rows, start=1))
    with zipfile.ZipFile(folder / "products.xlsx", "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in {**WORKBOOK, "xl/worksheets/sheet1.xml": SHEET.format(rows=sheet)}.items():
            entry = zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            book.writestr(entry, content)


def _sheet_row(index: int, row: list[str]) -> str:
    cells = []
    for column, value in zip("ABCD", row, strict=True):
        place = f'r="{column}{index}"'
        if column == "D" and index > 1:
            cells.append(f"<c {place}><v>{value}</v></c>")
        else:
            cells.append(f'<c {place} t="inlineStr"><is><t>{value}</t></is></c>')
    return f'<row r="{index}">{"".join(cells)}</row>'


def returns(folder: Path, orders: int, rng: random.Random) -> None:
    """returns.parquet: order numbers, dates and reasons of what came back."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    chosen = sorted(rng.sample(range(1, orders + 1), max(1, orders // 20)))
    days = [START + timedelta(days=rng.randrange(400)) for _ in chosen]
    reasons = [rng.choice(("damaged", "late", "wrong item", None)) for _ in chosen]
    columns = {
        "OrderId": pa.array(chosen, pa.int64()),
        "ReturnDate": pa.array(days, pa.date32()),
        "Reason": pa.array(reasons, pa.string()),
    }
    pq.write_table(pa.table(columns), folder / "returns.parquet", compression="zstd")


HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml"
SHEET = f'{HEAD}<worksheet xmlns="{MAIN}"><sheetData>{{rows}}</sheetData></worksheet>'
WORKBOOK = {
    "[Content_Types].xml": f'{HEAD}<Types xmlns="{PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{SPREADSHEET}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{SPREADSHEET}.worksheet+xml"/></Types>',
    "_rels/.rels": f'{HEAD}<Relationships xmlns="{PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'{HEAD}<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>'
    '<sheet name="Products" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'{HEAD}<Relationships xmlns="{PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}


def generate(folder: Path, order_count: int, seed: int) -> None:
    """All four files; customers and products grow with the orders."""
    folder.mkdir(parents=True, exist_ok=True)
    customer_count = max(20, min(order_count // 10, 200_000))
    product_count = max(10, min(order_count // 50, 5_000))
    orders(folder, order_count, customer_count, product_count, random.Random(seed))
    customers(folder, customer_count, random.Random(seed + 1))
    products(folder, product_count, random.Random(seed + 2))
    returns(folder, order_count, random.Random(seed + 3))


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the data of the retail example.")
    parser.add_argument("--orders", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent / "retail.Dataflow" / "data")
    options = parser.parse_args()
    generate(options.folder, options.orders, options.seed)


if __name__ == "__main__":
    main()
