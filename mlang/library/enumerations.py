"""The enumerations: plain numbers (and two families of texts) under names, and their types.

``Order.Descending`` is the number 1 and nothing more (TYP-30); ``Order.Type`` is a
non-nullable number type (TYP-29).  Library code that wants a member imports the
plain Python numbers of `MEMBERS`.  Ordinals: MSC-04 to MSC-09, REC-13.
"""

from __future__ import annotations

from mlang.registry import constant
from mlang.values.types import MType

#: Enumeration -> member -> value.
MEMBERS: dict[str, dict[str, int]] = {
    "AccessControlKind": {"Deny": 0, "Allow": 1},
    "BinaryEncoding": {"Base64": 0, "Hex": 1},
    "BinaryOccurrence": {"Optional": 0, "Required": 1, "Repeating": 2},
    "BufferMode": {"Eager": 1, "Delayed": 2},
    "ByteOrder": {"LittleEndian": 0, "BigEndian": 1},
    "Compression": {
        "None": -1, "GZip": 0, "Deflate": 1, "Snappy": 2, "Brotli": 3, "LZ4": 4, "Zstandard": 5,
    },
    "CsvStyle": {"QuoteAfterDelimiter": 0, "QuoteAlways": 1},
    "Day": {
        "Sunday": 0, "Monday": 1, "Tuesday": 2, "Wednesday": 3, "Thursday": 4, "Friday": 5, "Saturday": 6,
    },
    "ExtraValues": {"List": 0, "Error": 1, "Ignore": 2},
    "GroupKind": {"Local": 0, "Global": 1},
    "JoinAlgorithm": {
        "Dynamic": 0, "PairwiseHash": 1, "SortMerge": 2, "LeftHash": 3, "RightHash": 4, "LeftIndex": 5,
        "RightIndex": 6,
    },
    "JoinKind": {
        "Inner": 0, "LeftOuter": 1, "RightOuter": 2, "FullOuter": 3, "LeftAnti": 4, "RightAnti": 5,
        "LeftSemi": 6, "RightSemi": 7,
    },
    "JoinSide": {"Left": 0, "Right": 1},
    "LimitClauseKind": {"None": 0, "Top": 1, "LimitOffset": 2, "Limit": 3, "AnsiSql2008": 4},
    "MissingField": {"Error": 0, "Ignore": 1, "UseNull": 2},
    "Occurrence": {"First": 0, "Last": 1, "All": 2, "Optional": 0, "Required": 1, "Repeating": 2},
    "Order": {"Ascending": 0, "Descending": 1},
    "PercentileMode": {"ExcelInc": 1, "ExcelExc": 2, "SqlDisc": 3, "SqlCont": 4},
    "Precision": {"Double": 0, "Decimal": 1},
    "QuoteStyle": {"None": 0, "Csv": 1},
    "RankKind": {"Competition": 0, "Dense": 1, "Ordinal": 2},
    "RelativePosition": {"FromStart": 0, "FromEnd": 1},
    "RoundingMode": {"Up": 0, "Down": 1, "AwayFromZero": 2, "TowardZero": 3, "ToEven": 4},
    "SapBusinessWarehouseExecutionMode": {"BasXml": 64, "BasXmlGzip": 65, "DataStream": 66},
    "SapHanaDistribution": {"Off": 0, "Connection": 1, "Statement": 2, "All": 3},
    "SapHanaRangeOperator": {
        "GreaterThan": 0, "LessThan": 1, "GreaterThanOrEquals": 2, "LessThanOrEquals": 3, "Equals": 4,
        "NotEquals": 5, "Between": 6,
    },
    "TextEncoding": {
        "Utf8": 65001, "Ascii": 20127, "Unicode": 1200, "Utf16": 1200, "BigEndianUnicode": 1201,
        "Windows": 1252,
    },
    "TraceLevel": {"Critical": 1, "Error": 2, "Warning": 4, "Information": 8, "Verbose": 16},
}  # fmt: skip

#: The enumerations whose members are texts.
TEXT_MEMBERS: dict[str, dict[str, str]] = {
    "ODataOmitValues": {"Nulls": "nulls"},
    "WebMethod": {
        "Delete": "DELETE", "Get": "GET", "Head": "HEAD", "Patch": "PATCH", "Post": "POST", "Put": "PUT",
    },
}  # fmt: skip


def _declare() -> None:
    for enumeration, members in MEMBERS.items():
        for member, value in members.items():
            name = f"{enumeration}.{member}"
            constant(name, float(value), f"A member of {enumeration}.Type.", __name__)
        constant(_type_name(enumeration), MType("number", name=_type_name(enumeration)), module=__name__)
    for enumeration, texts in TEXT_MEMBERS.items():
        for member, text in texts.items():
            constant(f"{enumeration}.{member}", text, f"A member of {enumeration}.Type.", __name__)
        constant(_type_name(enumeration), MType("text", name=_type_name(enumeration)), module=__name__)


def _type_name(enumeration: str) -> str:
    return f"{enumeration}.Type"


_declare()
