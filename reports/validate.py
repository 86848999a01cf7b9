#!/usr/bin/env python3
"""Validates results.json files: validate.py SCHEMA FILE...

Exit status 0 when every file fits the schema, 1 when one does not (each fault on a line of its own),
2 when a file cannot be read.
"""

import json
import sys

import jsonschema


def faults(schema, document):
    """Each fault as 'claims[3].verdict: what is wrong'."""
    validator = jsonschema.Draft202012Validator(schema)
    for error in sorted(validator.iter_errors(document), key=lambda e: list(map(str, e.path))):
        path = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.absolute_path)
        yield f"{path.lstrip('.') or 'document'}: {error.message[:200]}"


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def main(arguments):
    if len(arguments) < 2:
        print("error: usage: validate.py SCHEMA FILE...", file=sys.stderr)
        return 2
    try:
        schema, *documents = (load(path) for path in arguments)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    found = 0
    for path, document in zip(arguments[1:], documents):
        for fault in faults(schema, document):
            print(f"error: {path}: {fault}", file=sys.stderr)
            found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
