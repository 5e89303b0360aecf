"""Samples of functions of single values: see ``samples.py``, which holds the row."""

from __future__ import annotations

SCALARS = {
    "Record.FieldCount": "Record.FieldCount(_)",
    "Record.HasFields": 'Record.HasFields(_, "w")',
    "Record.AddField": 'Record.AddField([a = [w]], "b", [v])[b]',
    "Record.Combine": "Record.Combine({[a = [w]], [b = [v]]})[b]",
    "Record.SelectFields": 'Record.SelectFields(_, {"w", "v"})[w]',
    "Record.RemoveFields": 'Record.RemoveFields(_, "v")[w]',
    "Record.RenameFields": 'Record.RenameFields(_, {"w", "x"})[x]',
    "Record.ReorderFields": 'Record.ReorderFields([a = [w], b = 1], {"b", "a"})[a]',
    "Record.TransformFields": 'Record.TransformFields(_, {"w", each _ + 1})[w]',
}
