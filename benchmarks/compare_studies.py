"""What two studies with the same schemes have in common, level by level.

Run: python benchmarks/compare_studies.py RESULTS_A RESULTS_B. A row is a scheme; a cell is the
share of the neurons selected in B that A selects too, in percent, and how many B selects.
"""

import sys
from pathlib import Path

import duckdb

SQL = """
WITH
a AS (SELECT scheme, top_percent, layer, component, neuron FROM read_parquet($a)),
b AS (SELECT scheme, top_percent, layer, component, neuron FROM read_parquet($b)),

shared AS (
    SELECT b.scheme, b.top_percent, count(*) AS n, count(a.neuron) AS n_shared
    FROM b LEFT JOIN a USING (scheme, top_percent, layer, component, neuron)
    GROUP BY b.scheme, b.top_percent
)

SELECT scheme, top_percent, 100.0 * n_shared / n AS shared_percent, n
FROM shared
ORDER BY scheme, top_percent
"""


def main() -> None:
    """Print the table."""
    a, b = (str(Path(folder) / "schemes.parquet") for folder in sys.argv[1:3])
    rows = duckdb.sql(SQL, params={"a": a, "b": b}).fetchall()
    levels = sorted({level for _, level, _, _ in rows})
    print(f"| scheme | {' | '.join(f'{level:g} %' for level in levels)} |")
    print(f"|---|{'---|' * len(levels)}")
    for scheme in dict.fromkeys(scheme for scheme, *_ in rows):
        cells = {level: f"{share:.1f} ({n})" for name, level, share, n in rows if name == scheme}
        print(f"| {scheme} | {' | '.join(cells.get(level, '∅') for level in levels)} |")


if __name__ == "__main__":
    main()
