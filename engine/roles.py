"""The roles that people have. Source: product.md section 2."""

from typing import Literal, get_args

UserRole = Literal["administrator", "finance", "supervisor", "technician", "customer"]
USER_ROLES: tuple[UserRole, ...] = get_args(UserRole)
