"""Extension modules: the .pq, .mez and .pqx files that connector authors write (ENV-49 to ENV-64).

`load` gives the shared members of modules as names for queries.  Inside, a module sees its own
files and texts through ``Extension.Contents`` and ``Extension.LoadString``, and a few functions
that the engine has for modules only.  Archives are read in memory; nothing outside is opened.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from mlang import errors, registry
from mlang.app.overlay import Overlay, read_text
from mlang.errors import Fault
from mlang.library.arguments import of_kind
from mlang.session import current
from mlang.syntax import nodes, parse_document
from mlang.values.functions import Function, native
from mlang.values.thunk import Thunk

ARCHIVES = (".mez", ".pqx", ".zip")
_SECTION_SUFFIXES = (".m", ".pq")
#: Bytes that one file of an archive may unpack to.
_LIMIT = 64 << 20


class Module:
    """One module: its M text and the files beside it, in an archive or in its folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.archived = path.suffix.lower() in ARCHIVES
        self.text = self._section().decode("utf-8-sig") if self.archived else read_text(path)

    def _section(self) -> bytes:
        names = [n for n in self._archive if n.lower().endswith(_SECTION_SUFFIXES)]
        if len(names) != 1:
            raise Fault(f"{self.path} holds {len(names)} M documents; one was expected.")
        return self._archive[names[0]]

    @cached_property
    def _archive(self) -> dict[str, bytes]:
        import zipfile

        try:
            with zipfile.ZipFile(self.path) as archive:
                large = [i.filename for i in archive.infolist() if i.file_size > _LIMIT]
                if large:
                    raise Fault(f"{self.path}: {large[0]} is larger than {_LIMIT >> 20} MB.")
                return {i.filename: archive.read(i) for i in archive.infolist() if not i.is_dir()}
        except FileNotFoundError:
            raise Fault(f"There is no file {self.path}.") from None
        except zipfile.BadZipFile:
            raise Fault(f"{self.path} is no extension: it is not a ZIP archive.") from None

    def file(self, name: str) -> bytes | None:
        """A file of the module by its name, without regard to case; None when it has none such."""
        wanted = PurePosixPath(name.replace("\\", "/"))
        if wanted.is_absolute() or ".." in wanted.parts:
            raise errors.expression_error(f"Extension.Contents reads files of the module only, not '{name}'.")
        if self.archived:
            return next((b for n, b in self._archive.items() if n.lower() == str(wanted).lower()), None)
        folder = self.path.parent.joinpath(*wanted.parts[:-1])
        if not folder.is_dir():
            return None
        found = [f for f in folder.iterdir() if f.name.lower() == wanted.name.lower() and f.is_file()]
        return found[0].read_bytes() if found else None

    @cached_property
    def strings(self) -> dict[str, str]:
        """The texts of resources.resx, over them those of the session's culture."""
        culture = current().culture
        names = ["resources.resx", f"resources.{culture.partition('-')[0]}.resx", f"resources.{culture}.resx"]
        found: dict[str, str] = {}
        for name in dict.fromkeys(names):
            content = self.file(name)
            if content is not None:
                found |= _resx(content)
        return found

    def names(self) -> dict[str, Thunk]:
        """What only a module sees."""
        functions = {
            "Extension.Contents": native(self._contents, "file"),
            "Extension.LoadString": native(self._load_string, "key"),
            "Extension.CurrentCredential": Function(_credential, 0, 1),
            "Extension.CredentialError": Function(_credential_error, 1, 3),
            "Crypto.CreateHash": native(_hash, "algorithm", "data"),
            "Crypto.CreateHmac": native(_hmac, "algorithm", "key", "data"),
        }
        constants = {f"CryptoAlgorithm.{n}": float(i) for i, n in enumerate(_ALGORITHMS)}
        reasons = {n: n for n in _CREDENTIAL_REASONS}
        return {n: Thunk(_constantly(v)) for n, v in {**functions, **constants, **reasons}.items()}

    def _contents(self, name: Any) -> bytes:
        content = self.file(of_kind(name, "text"))
        if content is None:
            raise errors.expression_error(f"The module {self.path.name} has no file '{name}'.", detail=name)
        return content

    def _load_string(self, key: Any) -> str:
        key = of_kind(key, "text")
        if key not in self.strings:
            raise errors.expression_error(
                f"The module {self.path.name} has no text '{key}' in its resources.", detail=key
            )
        return self.strings[key]


def _constantly(value: Any) -> Any:
    return lambda: value


# ---------------------------------------------------------------- what modules call

_ALGORITHMS = ("MD5", "SHA1", "SHA256", "SHA384", "SHA512")
_CREDENTIAL_REASONS = (
    "Credential.AccessDenied", "Credential.AccessForbidden", "Credential.EncryptionNotSupported",
)  # fmt: skip


def _credential(refresh: Any = None) -> dict[str, Any]:
    """Modules run anonymously here: no store of credentials stands behind them."""
    return {"AuthenticationKind": "Anonymous"}


def _credential_error(reason: str, message: Any = None, detail: Any = None) -> dict[str, Any]:
    texts = {
        "Credential.AccessDenied": "The credentials provided are invalid. Please check the credentials and try again.",
        "Credential.AccessForbidden": "Access to the resource is forbidden.",
        "Credential.EncryptionNotSupported": "An encrypted connection isn't supported by the data source.",
    }
    said = message if message is not None else texts.get(reason)
    record: dict[str, Any] = registry.value_of("Error.Record").fn(reason, said, detail)
    return record


def _algorithm(number: Any) -> str:
    number = of_kind(number, "number")
    if number not in range(len(_ALGORITHMS)):
        raise errors.argument_out_of_range("algorithm", number)
    return _ALGORITHMS[int(number)].lower()


def _hash(algorithm: Any, data: Any) -> bytes:
    import hashlib

    return hashlib.new(_algorithm(algorithm), _bytes(data)).digest()


def _hmac(algorithm: Any, key: Any, data: Any) -> bytes:
    import hmac

    return hmac.new(_bytes(key), _bytes(data), _algorithm(algorithm)).digest()


def _bytes(value: Any) -> bytes:
    from mlang.values.binary import content

    return content(of_kind(value, "binary"))


def _resx(content: bytes) -> dict[str, str]:
    """Names and texts of a .resx file."""
    from mlang.connectors.xml import parse

    root = parse(content, None, "Extension.LoadString")
    return {
        entry.get("name"): entry.findtext("value") or "" for entry in root.iter("data") if entry.get("name")
    }


# ---------------------------------------------------------------- modules as names


def documents(
    modules: list[Module], trees: list[nodes.Node], hidden: dict[str, Thunk] | None = None
) -> list[Overlay]:
    """Modules as documents that see each other's shared members and their own files."""
    made = [
        Overlay(module.text, filename=str(module.path), tree=tree, given=module.names(), hidden=hidden)
        for module, tree in zip(modules, trees, strict=True)
    ]
    for document in made:
        for other in made:
            if other is not document:
                document.given = {**shared(other), **document.given}
    return made


def _section(module: Module) -> nodes.Node:
    tree = parse_document(module.text, str(module.path))
    if not isinstance(tree, nodes.SectionDocument):
        raise Fault(f"{module.path} is no module: it holds an expression, not a section document.")
    return tree


def shared(document: Overlay) -> dict[str, Thunk]:
    """The members that a module gives to queries."""
    members = document.members
    return {n: t for s in document.thunks.values() for n, t in s.items() if members[n].shared}


def load(paths: Iterable[Path]) -> dict[str, Thunk]:
    """The shared members of modules, as queries see them; a name of the library cannot be taken (ENV-64)."""
    found: dict[str, Thunk] = {}
    modules = [Module(path) for path in paths]
    for document in documents(modules, [_section(module) for module in modules]):
        for name, thunk in shared(document).items():
            if registry.lookup(name) is not None:
                raise Fault(f"{document.filename}: the library has a {name} already.")
            if name in found:
                raise Fault(f"{document.filename}: another module has a {name} already.")
            found[name] = thunk
    return found
