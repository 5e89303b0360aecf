"""How fast M text becomes a tree: ours against Lark's own loop over the same grammar.

Run ``python tests/benchmarks/bench_parse.py``.  The text is generated: queries as
people write them.  Prints milliseconds, tokens per second and the ratio;
the two are timed in turn, so that a busy machine disturbs both alike.

``bench_parse.py FOLDER MODULE`` times real files instead: all below FOLDER that both accept, with ours and
with Microsoft's parser in node; MODULE is the path of the npm package ``@microsoft/powerquery-parser``.
"""

from __future__ import annotations

import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

from test_syntax import lark_parse  # noqa: E402

from mlang.syntax.failure import MSyntaxError  # noqa: E402
from mlang.syntax.lexer import tokenize  # noqa: E402
from mlang.syntax.parser import parse_document  # noqa: E402


def generated(steps: int) -> str:
    """A section with queries of twenty steps each."""
    chance = random.Random(1)
    lines = ["section Benchmark;\n"]
    for query in range(steps // 20):
        lines.append(f"shared Query{query} = let\n    Step0 = Table.FromRows({{")
        rows = [f'{{{i}, "name {i}", {chance.random():.4f}, null}}' for i in range(20)]
        lines.append(
            ", ".join(rows) + "}, type table [Id = Int64.Type, Name = text, Amount = number, Rest = any]),\n"
        )
        for step in range(1, 20):
            before = f"Step{step - 1}"
            lines.append(
                f"    Step{step} = "
                + chance.choice(
                    [
                        f'Table.SelectRows({before}, each [Amount] > 0.5 and Text.StartsWith([Name], "n"))',
                        f'Table.AddColumn({before}, "C{step}", each if [Id] = null then 0 else [Id] + 1)',
                        f'Table.RenameColumns({before}, {{{{"Id", "Key {step}"}}, {{"Name", "T"}}}})',
                        f'Table.Group({before}, {{"Name"}}, {{{{"Sum", each List.Sum([Amount])}}}})',
                        f'try {before}{{[Name = "x"]}}[Amount] otherwise #date(2024, 1, {step})',
                        f"List.Transform({{1..{step}}}, (x as number, optional y) => x + (y ?? 1))",
                    ]
                )
                + ",\n"
            )
        lines.append("    Result = Step19\nin\n    Result;\n\n")
    return "".join(lines)


def measure(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


#: Parses a list of texts from a file again and again; a line of milliseconds for every line of its input.
_NODE = """
const parser = require(process.argv[1]);
const texts = JSON.parse(require("fs").readFileSync(process.argv[2], "utf8"));
const parse = text => parser.TaskUtils.tryLexParse(parser.DefaultSettings, text);
(async () => {
    const accepted = [];
    for (const text of texts) accepted.push(!parser.TaskUtils.isError(await parse(text)));
    console.log(JSON.stringify(accepted));
    const kept = texts.filter((_, index) => accepted[index]);
    for await (const line of require("readline").createInterface({ input: process.stdin })) {
        const started = process.hrtime.bigint();
        for (const text of kept) await parse(text);
        console.log(Number(process.hrtime.bigint() - started) / 1e9);
    }
})();
"""


def accepted(text: str) -> bool:
    try:
        parse_document(text)
    except MSyntaxError:
        return False
    return True


def real_files(folder: Path, module: Path) -> None:
    """Ours against Microsoft's on the same files, in turn."""
    if shutil.which("node") is None or not module.is_dir() or not folder.is_dir():
        print(f"SKIPPED: this needs node, the package {module} and the folder {folder}")
        return
    files = [f for f in sorted(folder.rglob("*")) if f.suffix in (".pq", ".pqm", ".m") and f.is_file()]
    texts = [t for t in (f.read_text("utf-8-sig", errors="replace") for f in files) if accepted(t)]
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(texts, file)
        file.flush()
        command = ["node", "-e", _NODE, str(module.resolve()), file.name]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as node:
            assert node.stdin is not None
            assert node.stdout is not None
            kept = json.loads(node.stdout.readline())
            texts = [text for text, ok in zip(texts, kept, strict=True) if ok]
            ours, theirs = [], []
            for _ in range(3):
                ours.append(measure(lambda: [parse_document(text) for text in texts]))
                node.stdin.write("\n")
                node.stdin.flush()
                theirs.append(float(node.stdout.readline()))
            node.stdin.close()
    size = sum(len(text.encode()) for text in texts) / 1e6
    print(f"{len(texts)} files, {size:.2f} MB")
    for name, taken in (("ours", ours), ("Microsoft's", theirs)):
        seconds = statistics.median(taken)
        print(f"{name:12} {seconds * 1000:8.1f} ms {size / seconds:6.2f} MB/s")
    print(f"ratio {statistics.median(theirs) / statistics.median(ours):.1f}")


def main() -> None:
    if len(sys.argv) == 3:
        real_files(Path(sys.argv[1]), Path(sys.argv[2]))
        return
    text = generated(1000)
    count = len(tokenize(text).kinds)
    lark = lark_parse()
    assert lark(text) == parse_document(text)
    times: dict[str, list[float]] = {"lexer alone": [], "ours": [], "Lark's loop": []}
    for _ in range(5):
        times["lexer alone"].append(measure(lambda: tokenize(text)))
        times["ours"].append(measure(lambda: parse_document(text)))
        times["Lark's loop"].append(measure(lambda: lark(text)))
    print(f"{len(text) / 1e6:.2f} MB, {count} tokens")
    ours = statistics.median(times["ours"])
    for name, taken in times.items():
        seconds = statistics.median(taken)
        speed = f"{seconds * 1000:7.1f} ms {count / seconds / 1000:7.0f} k tokens/s"
        print(f"{name:12} {speed} {seconds / ours:5.1f} x")


if __name__ == "__main__":
    main()
