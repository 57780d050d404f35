"""The audit of a desk: the ledger against itself, and the draw-down against the work entries."""

from workflows.core.transaction import Transaction
from workflows.ledger.audit import AuditView, audit_ledger
from workflows.ledger.checkpoints import GivenCheckpoint
from workflows.ledger.differences import Progress
from workflows.lifecycle.contracts.audit_draw_down import audit_draw_down


def audit_desk(
    tx: Transaction, *, against: GivenCheckpoint | None = None, progress: Progress | None = None
) -> AuditView:
    """Audit the ledger, and plan the draw-down of all work again; nothing is changed.

    With `against`, the ledger is also compared with a checkpoint that was stored elsewhere. `progress` is
    called with the transactions read, of how many.
    Raises: NotAllowed for a role that does not read the ledger. Source: product.md section 8.
    """
    return audit_ledger(tx, against=against, progress=progress, also=audit_draw_down)
