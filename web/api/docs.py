"""The OpenAPI document and a page that shows it. Neither needs a token."""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from flask import Flask, Response, render_template

from web.api.openapi import openapi_document
from web.api.routing import Operation
from web.errors import problem_kinds


def register_docs(app: Flask, operations: Sequence[Operation]) -> None:
    """Serve the document at /api/openapi.json and the page at /api/docs."""

    @cache
    def made() -> tuple[dict[str, Any], str]:
        document = openapi_document(operations)
        return document, json.dumps(document, ensure_ascii=False, separators=(",", ":"))

    def openapi() -> Response:
        return Response(made()[1], content_type="application/json")

    def docs() -> str:
        document, _ = made()
        return render_template(
            "api/docs.html", document=document, groups=_groups(document), problems=problem_kinds()
        )

    app.add_url_rule("/api/openapi.json", view_func=openapi, endpoint="api.openapi")
    app.add_url_rule("/api/docs", view_func=docs, endpoint="api.docs")


def _groups(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The operations under their headings, each with its method and path."""
    groups: dict[str, list[dict[str, Any]]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            groups[operation["tags"][0]].append({**operation, "method": method.upper(), "path": path})
    return groups
