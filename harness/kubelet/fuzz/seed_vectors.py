"""Writes one seed a topic for fuzz_vectors: python3 seed_vectors.py OUT_DIR TOPIC...

TOPIC in the order of `nodeproof model --list`, because the first byte is the topic's place there. Each
seed holds the first cases of the topic's vectors file.
"""
import json
import pathlib
import sys

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "testdata" / "vectors"


def main() -> None:
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for place, topic in enumerate(sys.argv[2:]):
        cases = json.loads((VECTORS / f"{topic}.json").read_text())["cases"]
        for first in range(0, min(len(cases), 12), 3):
            text = json.dumps({"cases": cases[first : first + 3]})
            (out / f"{topic}-{first}").write_bytes(bytes([place]) + text.encode())


main()
