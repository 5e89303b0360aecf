"""Identity.*, IdentityProvider.* and access conditions: names that a provider vouches for.

The provider of this machine knows nobody: it takes the names it is given.  An identity is a record of
Provider, Name and Attributes; its groups are the list Groups of its attributes, and a collection may
name its Members in the same way.  A provider is a function that gives [Name, Create], or a
function of a value that gives the identity.
"""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.library import syntax_records
from mlang.library.arguments import of_kind, texts
from mlang.registry import builtin, value_of
from mlang.values.functions import Function, apply, as_function, native
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.records import field, field_or

Record = dict[str, Any]


def _local(value: Any) -> Record:
    """The identity that this machine's provider makes of a name, or of a record with one."""
    bare = strip(value)
    if kind_of(bare) == "record":
        name, attributes = of_kind(field(bare, "Name"), "text"), field_or(bare, "Attributes")
    else:
        name, attributes = of_kind(bare, "text"), None
    return {"Provider": _provider(), "Name": name, "Attributes": attributes}


_CREATE = native(_local, "value")


def _provider() -> Record:
    return {"Name": "Local", "Create": _CREATE}


@builtin("IdentityProvider.Default() as any")
def default_provider() -> Record:
    """Gives the identity provider of this machine, which takes every name as it is."""
    return _provider()


@builtin("Identity.From(identityProvider as function, value as any) as record")
def identity_from(provider: Function, value: Any) -> Any:
    """Makes an identity of a value, as the provider does it."""
    if provider.least > 0:
        return of_kind(apply(provider, value), "record")
    record = of_kind(apply(provider), "record")
    return of_kind(apply(as_function(field(record, "Create")), value), "record")


@builtin("Identity.IsMemberOf(identity as record, collection as record) as logical")
def is_member_of(identity: Record, collection: Record) -> bool:
    """Says whether an identity is the collection itself, or one of those that either of both lists."""
    if _provider_name(identity) != _provider_name(collection):
        return False
    name, group = of_kind(field(identity, "Name"), "text"), of_kind(field(collection, "Name"), "text")
    return name == group or group in _listed(identity, "Groups") or name in _listed(collection, "Members")


def _provider_name(identity: Record) -> Any:
    provider = field_or(identity, "Provider")
    return None if provider is None else field_or(of_kind(provider, "record"), "Name")


def _listed(identity: Record, name: str) -> list[str]:
    attributes = field_or(identity, "Attributes")
    listed = None if attributes is None else field_or(of_kind(attributes, "record"), name)
    return [] if listed is None else list(texts(listed))


@builtin(
    "AccessControlEntry.ConditionToIdentities(identityProvider as function, condition as function) as list"
)
def condition_to_identities(provider: Function, condition: Function) -> list[Any]:
    """Gives the identities that a condition names, when it only asks who somebody is or where a member.

    The condition is a function of a context, as in ``each Identity.IsMemberOf([Identity], admins)``; several
    such questions may be joined by ``or``.
    """
    return _identities(syntax_records.tree(condition), condition)


def _identities(tree: Record, condition: Function) -> list[Any]:
    kind = tree["Kind"]
    if kind == "Binary" and tree["Operator"] == "Or":
        return [*_identities(tree["Left"], condition), *_identities(tree["Right"], condition)]
    if kind == "Constant" and tree["Value"] is False:
        return []
    if kind == "Invocation" and strip(tree["Function"]["Value"]) is value_of("Identity.IsMemberOf"):
        who, group = tree["Arguments"]
        if _is_identity(who) and group["Kind"] == "Constant":
            return [of_kind(group["Value"], "record")]
    if kind == "Binary" and tree["Operator"] == "Equals":
        for who, other in ((tree["Left"], tree["Right"]), (tree["Right"], tree["Left"])):
            if _is_identity(who) and other["Kind"] == "Constant":
                return [of_kind(other["Value"], "record")]
    raise errors.no_identities(condition)


def _is_identity(tree: Record) -> bool:
    return bool(tree["Kind"] == "FieldAccess" and tree["MemberName"] == "Identity")
