"""The OpenAPI document and the page that renders it. Neither needs a token."""

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
    def generated() -> tuple[dict[str, Any], str]:
        document = openapi_document(operations)
        return document, json.dumps(document, ensure_ascii=False, separators=(",", ":"))

    def openapi() -> Response:
        return Response(generated()[1], content_type="application/json")

    def docs() -> str:
        document, _ = generated()
        return render_template(
            "api/docs.html", document=document, groups=_groups(document), problems=problem_kinds()
        )

    app.add_url_rule("/api/openapi.json", view_func=openapi, endpoint="api.openapi")
    app.add_url_rule("/api/docs", view_func=docs, endpoint="api.docs")


def _groups(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the operations by tag, each with its method and path."""
    groups: dict[str, list[dict[str, Any]]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            groups[operation["tags"][0]].append({**operation, "method": method.upper(), "path": path})
    return groups
