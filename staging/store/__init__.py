"""Where staged tables live: `lakehouse.py` (Parquet) and `warehouse.py` (DuckDB files), both by generations.

Read `generations.py` first: it is what both have in common.
"""
