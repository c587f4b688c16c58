# SPDX-License-Identifier: Apache-2.0
"""What each role brings to a task, and what it must not."""

from __future__ import annotations

from typing import Any

from pyfate_gpu.errors import DataError
from pyfate_gpu.federation import Role


def check_owner(role: Role, *, X: Any = None, validation: Any = None, **labels: Any) -> None:
    """Refuse data that a party of this role should not even have.

    Raises
    ------
    DataError
        For any data at the arbiter, and for labels at a host.
    """
    labelled = any(value is not None for value in labels.values())
    if role is Role.ARBITER and (labelled or X is not None or validation is not None):
        raise DataError("the arbiter has the private key and no data: call it without X and y")
    if role is Role.HOST and (labelled or isinstance(validation, tuple)):
        raise DataError(
            "a host has no labels, weights or exposures, they are the guest's: call it without y"
        )


def unpack_validation(validation: Any) -> tuple[Any, Any, Any]:
    """Return features, labels and exposures of the guest's validation rows, None for no exposures.

    Raises
    ------
    DataError
        When it is no tuple of them.
    """
    if not isinstance(validation, tuple) or len(validation) not in (2, 3):
        raise DataError("the guest's validation data is a tuple of features and labels")
    return (*validation, None)[:3]
