"""The model of a service that a program defines: AWS.Service.defineService of the reference page."""

from collections.abc import Sequence
from typing import Any

from postern.api.operation import Operation, ServiceModel
from postern.client.errors import ConfigurationError
from postern.client.names import python_name


def define(
    base: type,
    identifier: str,
    versions: Sequence[str],
    operations: Sequence[Operation[Any, Any]],
    endpoint_prefix: str,
    signing_name: str,
) -> ServiceModel:
    """What is not said is as in the model of ``base``, if it has one; else the identifier serves for it. Without
    operations of its own the service is a variant of that of ``base``, and goes by its name in files and variables.

    Raises:
        ConfigurationError: the identifier is no Python name, or an operation would take a method's place.
    """
    if not identifier.isidentifier():
        raise ConfigurationError(f"{identifier!r} is not a name for a class")
    for operation in operations:
        _check(base, operation)
    model: ServiceModel | None = getattr(base, "model", None)
    name = identifier.lower()
    return ServiceModel(
        identifier=name,
        service_id=model.service_id if model and not operations else identifier,
        config_key=model.config_key if model and not operations else python_name(identifier),
        versions=tuple(versions) or (model.versions if model else ("latest",)),
        endpoint_prefix=endpoint_prefix or (model.endpoint_prefix if model else name),
        signing_name=signing_name or (model.signing_name if model else name),
        operations=tuple(operations) or (model.operations if model else ()),
    )


def _check(base: type, operation: Operation[Any, Any]) -> None:
    if operation.method != "POST":
        raise ConfigurationError(f"operation {operation.name} is called by {operation.method}, not by POST")
    method = python_name(operation.name)
    inherited = {operation.name for operation in base.model.operations} if hasattr(base, "model") else set()
    if hasattr(base, method) and operation.name not in inherited:
        raise ConfigurationError(f"operation {operation.name} would take the place of the method {method}")
