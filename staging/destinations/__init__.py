"""Where a dataflow loads its results: DuckDB tables, Parquet and CSV files on this machine.

`target.py` reads from a destination query what it points to; the other modules write.
docs/decisions/destinations.md says which forms are understood and why.
"""
