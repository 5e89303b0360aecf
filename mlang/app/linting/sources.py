"""Rules about where data comes from."""

from __future__ import annotations

import re

from mlang.app.linting.base import Found, Subject, function_name, rule
from mlang.syntax import nodes

_HOME = re.compile(r"(?i)^(?:[a-z]:\\users\\|/home/|/users/)")
_SECRET = re.compile(r"(?i)(password|pwd|secret|api[_-]?key|access[_-]?token|authorization)$")


@rule("M401", "personal-path", "A file in somebody's home folder: nobody else can refresh it.")
def personal_path(subject: Subject) -> Found:
    for call in subject.calls("File.Contents", "Folder.Files", "Folder.Contents"):
        for argument in call.arguments[:1]:
            if isinstance(argument, nodes.Literal) and _HOME.match(str(argument.value)):
                yield argument, f"{function_name(call)} reads from a home folder; make the folder a parameter"


@rule("M402", "built-address", "Web.Contents with a joined address: the service cannot refresh it.")
def built_address(subject: Subject) -> Found:
    for call in subject.calls("Web.Contents"):
        if call.arguments:
            value = subject.value(call.arguments[0])
            if isinstance(value, nodes.Binary) and value.operator == "&":
                yield (
                    call,
                    "The address is put together; give a fixed one and the rest as RelativePath and Query",
                )


@rule("M403", "secret-in-text", "A password or key written in the query.")
def secret_in_text(subject: Subject) -> Found:
    for node in subject.all:
        if not isinstance(node, nodes.Binding) or not isinstance(node.value, nodes.Literal):
            continue
        text = node.value.value
        if isinstance(text, str) and len(text) > 3 and _SECRET.search(node.name):
            yield node, f"'{node.name}' looks like a secret; keep it in the credentials or a parameter"
