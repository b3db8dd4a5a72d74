#!/usr/bin/env python3
"""schema_pairs.py SEED COUNT - schemas and values with python3-jsonschema's verdict

Prints COUNT lines SCHEMA, tab, VALUE, tab, 1 or 0, of drafts 7 and 2020-12 in
turns.  Left out, since the judge knows less or something else of them: numbers
that a double does not hold, $dynamicRef, references to other documents, formats,
patterns that Python and ECMA-262 read differently, additionalItems beside a
boolean (on which it raises TypeError), and with versions before 4.23
unevaluatedItems and unevaluatedProperties.  Exit status 77: it is not installed.
"""
import importlib.metadata
import json
import random
import sys

try:
    from jsonschema import Draft7Validator, Draft202012Validator
except ImportError:
    sys.exit(77)

NAMES = ["a", "b", "ab", "a/b", "~", "é", "x-1", ""]
STRINGS = NAMES + ["abc", "😀", "aé😀", "A1", "10", "null"]
NUMBERS = [0, 1, 2, 3, -1, -2, 10, 12, 0.5, 1.5, -0.5, 2.0, 1e2, 7, 2**31]
PATTERNS = ["^a", "b$", "^[a-z]+$", "^.{2}$", "[0-9]", "^(a|b)*$", "é|😀", "^$"]
TYPES = ["null", "boolean", "integer", "number", "string", "array", "object"]
VERSION = tuple(int(n) for n in importlib.metadata.version("jsonschema").split(".")[:2])


def value(r, depth=3):
    kind = r.randrange(7 if depth else 5)
    if kind == 0:
        return r.choice([None, True, False])
    if kind in (1, 2):
        return r.choice(NUMBERS)
    if kind in (3, 4):
        return r.choice(STRINGS)
    if kind == 5:
        return [value(r, depth - 1) for _ in range(r.randrange(4))]
    return {r.choice(NAMES): value(r, depth - 1) for _ in range(r.randrange(4))}


class Maker:
    """One random schema of a draft."""

    def __init__(self, r, modern):
        self.r = r
        self.modern = modern
        self.defs = "$defs" if modern else "definitions"

    def some(self, depth):
        return [self.schema(depth) for _ in range(self.r.randint(1, 3))]

    def members(self, names, make):
        return {n: make() for n in self.r.sample(names, self.r.randint(0, 3))}

    def names(self):
        return self.r.sample(NAMES, self.r.randint(0, 2))

    def reference(self):
        return {"$ref": self.r.choice([f"#/{self.defs}/d0", f"#/{self.defs}/d1", "#here"])}

    def keywords(self, depth):
        r, modern = self.r, self.modern

        def sub():
            return self.schema(depth - 1)

        flat = {
            "type": lambda: r.choice([r.choice(TYPES), r.sample(TYPES, 2)]),
            "enum": lambda: [value(r, 2) for _ in range(r.randint(1, 4))],
            "const": lambda: value(r, 2),
            "maximum": lambda: r.choice(NUMBERS),
            "minimum": lambda: r.choice(NUMBERS),
            "exclusiveMaximum": lambda: r.choice(NUMBERS),
            "exclusiveMinimum": lambda: r.choice(NUMBERS),
            "multipleOf": lambda: r.choice([1, 2, 3, 0.5, 1.5]),
            "minLength": lambda: r.randrange(4),
            "maxLength": lambda: r.randrange(4),
            "pattern": lambda: r.choice(PATTERNS),
            "minItems": lambda: r.randrange(3),
            "maxItems": lambda: r.randrange(4),
            "uniqueItems": lambda: r.random() < 0.8,
            "minProperties": lambda: r.randrange(3),
            "maxProperties": lambda: r.randrange(4),
            "required": self.names,
            "format": lambda: r.choice(["date", "nothing"]),
            "x-unknown": lambda: {"type": 7},
        }
        nested = {
            "allOf": lambda: self.some(depth - 1),
            "anyOf": lambda: self.some(depth - 1),
            "oneOf": lambda: self.some(depth - 1),
            "not": sub,
            "if": sub,
            "then": sub,
            "else": sub,
            "contains": sub,
            "properties": lambda: self.members(NAMES, sub),
            "patternProperties": lambda: self.members(PATTERNS, sub),
            "additionalProperties": sub,
            "propertyNames": sub,
        }
        if modern:
            flat["minContains"] = lambda: r.randrange(3)
            flat["maxContains"] = lambda: r.randint(1, 3)
            flat["dependentRequired"] = lambda: self.members(NAMES, self.names)
            nested["dependentSchemas"] = lambda: self.members(NAMES, sub)
            nested["prefixItems"] = lambda: self.some(depth - 1)
            nested["items"] = sub
            if VERSION >= (4, 23):
                nested["unevaluatedItems"] = sub
                nested["unevaluatedProperties"] = sub
        else:
            nested["items"] = lambda: r.choice([sub, lambda: self.some(depth - 1)])()
            nested["additionalItems"] = sub
            nested["dependencies"] = lambda: self.members(NAMES, r.choice([sub, self.names]))
        return flat, nested

    def schema(self, depth):
        r = self.r
        if r.random() < 0.12:
            return r.random() < 0.6
        if r.random() < 0.12:
            return self.reference()
        flat, nested = self.keywords(depth)
        chosen = r.sample(list(flat), r.randint(0, 2))
        if depth > 0:
            chosen += r.sample(list(nested), r.randint(0, 3))
        if "if" in chosen:
            chosen += ["then", "else"]
        if "minContains" in chosen or "maxContains" in chosen:
            chosen += ["contains"] if depth > 0 else []
        made = {k: (flat.get(k) or nested[k])() for k in dict.fromkeys(chosen)}
        if isinstance(made.get("items"), bool):
            made.pop("additionalItems", None)
        return made

    def whole(self):
        """Definitions refer to each other from within arrays only: no circles."""
        root = self.schema(3)
        if not isinstance(root, dict) or "$ref" in root:
            root = {"allOf": [root]}
        named = {"$anchor": "here"} if self.modern else {"$id": "#here"}
        root[self.defs] = {
            "d0": {"items": self.reference(), "type": self.r.choice(TYPES)},
            "d1": {"properties": {"a": self.reference()}, "minProperties": 1},
            "d2": {**named, "maxLength": 2, "maximum": 5},
        }
        return root


def main():
    seed, count = int(sys.argv[1]), int(sys.argv[2])
    r = random.Random(seed)
    judges = [
        (Draft7Validator, "http://json-schema.org/draft-07/schema#"),
        (Draft202012Validator, "https://json-schema.org/draft/2020-12/schema"),
    ]
    left = count
    while left > 0:
        judge, uri = judges[left // 8 % 2]
        schema = {"$schema": uri, **Maker(r, judge is Draft202012Validator).whole()}
        judge.check_schema(schema)
        validator = judge(schema)
        for _ in range(min(8, left)):
            instance = value(r)
            try:
                verdict = int(validator.is_valid(instance))
            except TypeError:  # older ones sort what they complain of
                continue
            print(json.dumps(schema), json.dumps(instance), verdict, sep="\t")
            left -= 1


main()
