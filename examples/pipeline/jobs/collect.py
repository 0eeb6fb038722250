"""Writes the readings of one day: yesterday's, or those of the day that is given as YYYY-MM-DD.

The meter is made up: the same day always gives the same readings, so that a run may be repeated.
"""

import csv
import datetime
import os
import pathlib
import random
import sys

readings = pathlib.Path("/data/readings")


def day_wanted(arguments):
    if not arguments:
        return datetime.date.today() - datetime.timedelta(days=1)
    try:
        return datetime.date.fromisoformat(arguments[0])
    except ValueError:
        sys.exit(f"collect: '{arguments[0]}' is no day such as 2026-03-01")


def measure(day):
    meter = random.Random(day.toordinal())
    for hour in range(24):
        yield hour, round(meter.uniform(0.2, 1.8), 3)


def main():
    day = day_wanted(sys.argv[1:])
    readings.mkdir(exist_ok=True)
    whole, part = readings / f"{day}.csv", readings / f"{day}.csv.part"
    with part.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["hour", "kwh"])
        rows.writerows(measure(day))
        file.flush()
        os.fsync(file.fileno())
    # A reader sees the whole day or none of it.
    part.rename(whole)
    print(f"wrote {whole}")


main()
