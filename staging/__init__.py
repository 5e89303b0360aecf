"""Dataflows as Fabric runs them: queries staged once, referenced many times, loaded to destinations.

`refresh.py` runs a dataflow (`dataflow.py`) in a `workspace.py`; `store/` keeps staged tables,
`destinations/` writes results elsewhere, `history.py` remembers the runs.
"""
