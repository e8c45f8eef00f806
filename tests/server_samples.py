"""A server of files on this machine, which can be told what is to go wrong."""

import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """Serves `files` by path; `faults` holds what goes wrong with the next requests of a path.

    A fault is "cut", "wrong", "silent", or a status, as "503".
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[str]] = {}
        self.always = ""  # a fault of every other request
        self.requests, self.sent = Counter(), Counter()  # bytes of content, by path
        self.closing = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/"
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server, path = self.server, self.path.lstrip("/")
        server.requests[path] += 1
        fault = server.faults[path].pop(0) if server.faults.get(path) else server.always
        content = server.files.get(path, b"")
        status = int(fault) if fault.isdecimal() else 200 if path in server.files else 404
        start = int(self.headers.get("Range", "bytes=0-")[6:-1])
        if fault == "silent":
            server.closing.wait(20)
        if fault == "wrong":
            content, start = b"<html>please log in</html>", 0
        whole, content = len(content), content[start:] if status == 200 else b""
        self.send_response(206 if start and content else status)
        self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if fault == "cut":
            content, self.close_connection = content[: len(content) // 2], True
        if self.command == "GET":
            server.sent[path] += len(content)
            self.wfile.write(content)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass
