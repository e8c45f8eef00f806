"""A server of files on this machine, which can be told what is to go wrong."""

import http.server
import threading
from collections import Counter

FAULTS = ("cut", "truncated", "wrong", "silent", "ignores ranges")  # or a status, as "503"


class Server:
    """Serves `files` by path; `faults` holds what goes wrong with the next requests of a path."""

    def __init__(self):
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[str]] = {}
        self.always = ""  # a fault of every other request
        self.requests = Counter()
        self.sent = Counter()  # bytes of content by path
        self.closing = threading.Event()
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                server.answer(self)

            def do_HEAD(self):
                server.answer(self)

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.closing.set()
        self.http.shutdown()
        self.http.server_close()

    def answer(self, request) -> None:
        path = request.path.lstrip("/")
        self.requests[path] += 1
        fault = self.faults[path].pop(0) if self.faults.get(path) else self.always
        assert not fault or fault.isdecimal() or fault in FAULTS
        content = self.files.get(path)
        if fault.isdecimal() or content is None:
            request.send_response(int(fault or 404))
            request.send_header("Content-Length", "0")
            return request.end_headers()
        if fault == "wrong":
            content = b"<html>please log in</html>"
        if fault == "silent":
            self.closing.wait(20)
        start = int(request.headers.get("Range", "bytes=0-")[6:-1])
        if fault == "ignores ranges":
            start = 0
        if start >= len(content):
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{len(content)}")
            request.send_header("Content-Length", "0")
            return request.end_headers()
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        content = content[start:]
        if fault == "truncated":  # and claims that this is all
            content = content[: len(content) // 2]
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        if request.command == "HEAD":
            return None
        if fault == "cut":
            content = content[: len(content) // 2]
            request.close_connection = True
        self.sent[path] += len(content)
        request.wfile.write(content)
        return None
