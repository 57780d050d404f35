"""Static files, compressed once by each process: with Brotli, or with gzip for clients without it.

Pages and API responses are not compressed: they contain secrets next to text that others may have written.
"""

from flask import Flask, Response, g, request
from flask_compress import Compress
from flask_compress.flask_compress import DictCache


def register_static_files(app: Flask) -> None:
    """Compress the responses of the static files; the rest is served as it is."""
    app.config.update(
        COMPRESS_REGISTER=False,
        COMPRESS_STREAMS=False,
        COMPRESS_ALGORITHM=["br", "gzip"],
        COMPRESS_BR_LEVEL=9,
        COMPRESS_LEVEL=9,
        COMPRESS_CACHE_BACKEND=DictCache,
        COMPRESS_CACHE_KEY=_cache_key,
    )
    compress = Compress()
    compress.init_app(app)

    def add_compression(response: Response) -> Response:
        if request.endpoint != "static":
            return response
        if response.status_code != 200:  # a part of a file has offsets in the file as it is
            response.vary.add("Accept-Encoding")
            return response
        g.static_etag = response.get_etag()[0]
        # the content as a whole, because a stream would be compressed again at each request
        response.direct_passthrough = False
        response.get_data()
        return compress.after_request(response)

    app.after_request(add_compression)


def _cache_key(_: object) -> str:
    """The file and its version: the ETag changes with its time and size."""
    return f"{request.path} {g.static_etag}"
