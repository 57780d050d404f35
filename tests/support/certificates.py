"""Certificates for tests: of an authority that a client may or may not trust."""

from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class ServerFiles:
    """Files of a server's certificate, of its key, and of the authority that signed it."""

    certificate: Path
    key: Path
    authority: Path


def issue(folder: Path, *names: str) -> ServerFiles:
    """Issue a certificate for host names or addresses by a new authority, and write all files to a folder."""
    authority = trustme.CA()
    issued = authority.issue_cert(*names)
    files = ServerFiles(folder / "server.pem", folder / "server.key", folder / "authority.pem")
    issued.private_key_pem.write_to_path(files.key)
    for number, blob in enumerate(issued.cert_chain_pems):
        blob.write_to_path(files.certificate, append=number > 0)
    authority.cert_pem.write_to_path(files.authority)
    return files
