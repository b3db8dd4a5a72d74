#!/usr/bin/env python3
"""coprocess.py - a long-lived worker for evsub --coprocess

Totals the amounts of payments by currency.  Each line of standard input is a
record, each line of standard output a verdict on one; between the two it does
what a program that starts once can do better than one for each event, such as
keeping a connection or a model.

    evpub payments '{"currency":"EUR","amount":3}' '{"amount":"much"}'
    evsub -g totals --coprocess payments -- examples/coprocess.py

An event that makes no sense is dead at once; what fails otherwise is tried
again.  evsub closes standard input when it is to end: then the totals go to
standard error.  Verdicts must not linger in a buffer, hence flush.
"""

import json
import sys
from collections import Counter


def work(event, totals):
    """Handle one event; ValueError if it never can be."""
    try:
        currency, amount = event["currency"], event["amount"]
    except (KeyError, TypeError):
        raise ValueError("no currency or amount") from None
    if isinstance(amount, bool) or not isinstance(amount, (int, float)):
        raise ValueError(f"amount {amount!r} is no number")
    totals[currency] += amount


def judge(record, totals):
    """The verdict on a record."""
    verdict = {"id": record["id"], "stream": record["stream"]}
    try:
        work(record.get("event"), totals)
        verdict["ok"] = True
    except ValueError as error:
        verdict.update(dead=True, error=str(error))
    except Exception as error:  # whatever it is, another time may do
        verdict.update(retry=None, error=repr(error))
    return verdict


def main():
    totals = Counter()
    for line in sys.stdin:
        print(json.dumps(judge(json.loads(line), totals)), flush=True)
    for currency, amount in sorted(totals.items()):
        print(f"{currency} {amount}", file=sys.stderr)


main()
