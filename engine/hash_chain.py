"""The hash chains of the ledger: what is hashed of a transaction, and how one hash follows another.

The content is a text of the transaction's fields, each with its length, so that no two transactions have the
same. No name, mail address or free text is in it (`actor` and `why` are left out): a person can be erased,
and every chain still verifies. Source: product.md section 8.

    content = hash of (FORMAT, chain, fields, postings by leg)
    hash 1  = content 1
    hash n  = hash of (hash n-1, content n)

A checkpoint's root is the top of a tree of hashes over all chain heads, sorted by chain.
"""

from collections.abc import Iterable
from hashlib import sha256

FORMAT = "coverdesk-ledger-1"
HASH_BYTES = 32
BELONGS = "b"
"""What comes before the instant of an adjustment: a posting begins with a digit."""
JOB = "j"
"""What comes before the name of the job that recorded a transaction."""
_LEAF, _NODE = b"\x00", b"\x01"
"""What begins the input of a leaf and of a node, so that neither can be taken for the other (RFC 6962)."""

Leg = tuple[int, str, str, str, int]
"""A posting: its number, owner, account, unit, and amount in whole units."""


def text_field(value: str | None) -> str:
    """A text as part of the content."""
    return "-" if value is None else f"{len(value)}:{value}"


def number_field(value: int) -> str:
    """A whole number as part of the content; an instant is its microseconds since 1970."""
    return f"{value};"


def content_text(
    chain_id: str,
    transaction_id: str,
    kind: str,
    effective_at: int,
    recorded_at: int,
    cause: str,
    idempotency_key: str | None,
    reverses_id: str | None,
    contract_id: str | None,
    service_request_id: str | None,
    legs: Iterable[Leg],
    belongs_at: int | None = None,
    job: str | None = None,
) -> str:
    """What is hashed of a transaction. Instants are whole microseconds since 1970; legs are sorted.

    `belongs_at` is the instant at which an adjustment belongs, None for any other transaction; `job` is the
    job that recorded it, None for a person's call.
    """
    # as `text_field` writes them, but without its call: an audit makes one for each transaction
    head = (
        f"{FORMAT}{len(chain_id)}:{chain_id}{len(transaction_id)}:{transaction_id}{len(kind)}:{kind}"
        f"{effective_at};{recorded_at};{len(cause)}:{cause}"
        f"{text_field(idempotency_key)}{text_field(reverses_id)}"
        f"{text_field(contract_id)}{text_field(service_request_id)}"
    )
    postings = [
        f"{leg};{len(owner)}:{owner}{len(account)}:{account}{len(unit)}:{unit}{amount};"
        for leg, owner, account, unit, amount in legs
    ]
    belongs = "" if belongs_at is None else f"{BELONGS}{belongs_at};"
    by_job = "" if job is None else f"{JOB}{text_field(job)}"
    return f"{head}{''.join(postings)}{belongs}{by_job}"


def content_hash(content: str) -> bytes:
    """The hash of a transaction's content, 32 bytes."""
    return sha256(content.encode()).digest()


def next_hash(previous: bytes | None, content: bytes) -> bytes:
    """The hash of a transaction, from the hash before (None: it is the first) and that of its content."""
    return content if previous is None else sha256(previous + content).digest()


def head_leaf(chain_id: str, sequence: int, head: bytes) -> bytes:
    """The leaf of one chain head in the tree of a checkpoint."""
    return sha256(_LEAF + f"{text_field(chain_id)}{sequence};".encode() + head).digest()


class MerkleRoot:
    """The root over any number of leaves that are added in order; needs one hash for each level."""

    def __init__(self) -> None:
        self._levels: list[bytes | None] = []
        self.count = 0

    def add(self, leaf: bytes) -> None:
        """Add the next leaf, 32 bytes."""
        self.count += 1
        node = leaf
        for level, left in enumerate(self._levels):
            if left is None:
                self._levels[level] = node
                return
            node = _parent(left, node)
            self._levels[level] = None
        self._levels.append(node)

    def root(self) -> bytes:
        """The root, 32 bytes; without a leaf, the hash of nothing."""
        found: bytes | None = None
        for left in self._levels:
            if left is not None:
                found = left if found is None else _parent(left, found)
        return sha256(b"").digest() if found is None else found


def _parent(left: bytes, right: bytes) -> bytes:
    return sha256(_NODE + left + right).digest()


def checkpoint_content(
    number: int, taken_at: int, chains: int, transactions: int, moved: int, moved_root: bytes, root: bytes
) -> bytes:
    """The hash of a checkpoint's content; `taken_at` is whole microseconds since 1970.

    `root` is over all chain heads; `moved_root` over the heads that moved since the checkpoint before.
    """
    numbers = (number, taken_at, chains, transactions, moved)
    text = "coverdesk-checkpoint-1" + "".join(map(number_field, numbers))
    return sha256(text.encode() + moved_root + root).digest()
