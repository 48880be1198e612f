# SPDX-License-Identifier: BSD-3-Clause
"""A browser without a display, driven by the protocol of its developer tools (Chromium; a WebSocket, RFC 6455)."""

import base64
import itertools
import json
import os
import shutil
import socket
import struct
import subprocess
import time
import urllib.request

NAMES = ("chromium", "chromium-browser", "google-chrome")
PROGRAM = next((path for name in NAMES if (path := shutil.which(name))), None)


class Socket:
    def __init__(self, url):
        host, _, path = url.removeprefix("ws://").partition("/")
        name, _, port = host.partition(":")
        self.stream = socket.create_connection((name, int(port)), timeout=60)
        key = base64.b64encode(os.urandom(16)).decode()
        self.stream.sendall(f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.stream.recv(1)
        assert b" 101 " in head, head

    def send(self, text):
        data, mask = text.encode(), os.urandom(4)
        n = len(data)
        size = struct.pack(">B", 0x80 | n) if n < 126 else struct.pack(">BH", 0xFE, n) if n < 65536 else \
            struct.pack(">BQ", 0xFF, n)
        self.stream.sendall(b"\x81" + size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def read(self, n):
        data = b""
        while len(data) < n:
            part = self.stream.recv(n - len(data))
            assert part
            data += part
        return data

    def receive(self):
        data, last = b"", False
        while not last:
            first, size = self.read(2)
            size &= 127
            if size > 125:
                size = struct.unpack(">H" if size == 126 else ">Q", self.read(2 if size == 126 else 8))[0]
            data += self.read(size)
            last = first & 0x80
        return data.decode()


class Browser:
    """One page. `requests` are the addresses that it asked for, `complaints` what it wrote to its console."""

    def __init__(self, folder):
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                   "--remote-debugging-port=0", "--remote-allow-origins=*", f"--user-data-dir={folder}"]
        self.process = subprocess.Popen([PROGRAM, *options, "about:blank"], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while not (folder / "DevToolsActivePort").exists():
            assert time.monotonic() < until and self.process.poll() is None
            time.sleep(0.1)
        port = (folder / "DevToolsActivePort").read_text().split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=60) as reply:
            page = next(p for p in json.load(reply) if p["type"] == "page")
        self.socket, self.numbers = Socket(page["webSocketDebuggerUrl"]), itertools.count(1)
        self.requests, self.complaints, self.events = [], [], []
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0, uploadThroughput=0)

    def handle(self, message):
        method, what = message.get("method"), message.get("params", {})
        self.events.append(method)
        if method == "Network.requestWillBeSent":
            self.requests.append(what["request"]["url"])
        if method == "Runtime.exceptionThrown" or (method == "Log.entryAdded" and what["entry"]["level"] == "error"):
            self.complaints.append(what)

    def call(self, method, **arguments):
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": arguments}))
        while True:
            message = json.loads(self.socket.receive())
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
            self.handle(message)

    def open(self, path, width, scripts=True):
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1,
                  mobile=width < 500)
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri())
        while "Page.loadEventFired" not in self.events:
            self.handle(json.loads(self.socket.receive()))

    def evaluate(self, expression):
        reply = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in reply, reply
        return reply["result"].get("value")

    def close(self):
        self.process.terminate()
        self.process.wait(30)
