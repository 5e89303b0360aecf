"""M inside other files: workbooks, Power BI files and projects, templates, dataflow exports.

``files.py`` finds out what a path is; ``source.py`` gives its M as a text file that can be written back.
A container is read by `base.Container`: either one section document (``workbook.py``, ``template.py``,
``export.py``) or many expressions (``tabular.py``, ``tmdl.py``).  ``package.py`` replaces parts of zip files,
``mashup.py`` reads [MS-QDEFF] streams, ``jsontext.py`` finds the places of JSON values.
"""
