#!/usr/bin/env python3
"""Stands between dalp and a node, and does what networks and proxies do to JSON-RPC.

    fault_proxy.py --upstream HOST:PORT [--port 0] [--seed 1] [--faults FILE]

Prints "listening on 127.0.0.1:PORT" when ready; ends with SIGTERM.

Faults are a JSON object, replaced at any time by POST /faults (GET /faults shows it):

    {"drop_after": {"probability": 0.1, "methods": ["eth_sendRawTransaction"]},
     "delay":      {"probability": 1, "seconds": 0.3},
     "status_429": {"count": 2, "retry_after": 1},
     "lie": 0.5}

A number is a probability; an object may have "probability" (default 1),
"methods" (only POSTs with one of these; default any) and "count" (so many times,
then never).  For each POST the faults are tried in this order:

    delay        "seconds" (0.2) before anything else; goes on to the others
    drop_before  connection reset, the node has seen nothing
    status_429   with "retry_after" seconds (1), not forwarded
    status_502   an HTML page, not forwarded
    hang         nothing ever comes; "forward": true lets the node have the request
    duplicate    forwarded twice, the second answer is sent; goes on to the others
    drop_after   forwarded, then connection reset: the answer is lost
    truncate     forwarded, half of the answer arrives
    lie          forwarded, every result that is a 32-byte hash gets another last digit

The same seed and the same sequence of requests give the same faults.
GET /stats: {"requests", "forwarded", "faults": {name: times}}.
"""

import argparse
import asyncio
import json
import random
import re
import sys

import http_wire

FAULTS = ("delay", "drop_before", "status_429", "status_502", "hang", "duplicate", "drop_after", "truncate", "lie")
HASH = re.compile(rb'("result"\s*:\s*"0x[0-9a-fA-F]{63})([0-9a-fA-F])"')


def methods_of(body):
    try:
        calls = json.loads(body)
    except ValueError:
        return set()
    calls = calls if isinstance(calls, list) else [calls]
    return {call.get("method") for call in calls if isinstance(call, dict)}


def with_other_hashes(body):
    return HASH.sub(lambda match: match[1] + (b"1" if match[2] == b"0" else b"0") + b'"', body)


class Proxy:
    def __init__(self, upstream, seed, faults):
        self.host, _, port = upstream.rpartition(":")
        self.port = int(port)
        self.random = random.Random(seed)
        self.stats = {"requests": 0, "forwarded": 0, "faults": {}}
        self.set_faults(faults)

    def set_faults(self, text):
        faults = json.loads(text)
        unknown = set(faults) - set(FAULTS)
        if unknown:
            raise ValueError("unknown faults: " + ", ".join(sorted(unknown)))
        self.faults = {name: {"probability": fault} if isinstance(fault, (int, float)) else fault
                       for name, fault in faults.items()}

    def strike(self, name, methods):
        """The fault's settings if it happens to this request, else None."""
        fault = self.faults.get(name)
        if fault is None or ("methods" in fault and not methods & set(fault["methods"])):
            return None
        if fault.get("count", 1) <= 0 or self.random.random() >= fault.get("probability", 1):
            return None
        if "count" in fault:
            fault["count"] -= 1
        self.stats["faults"][name] = self.stats["faults"].get(name, 0) + 1
        return fault

    async def forward(self, request, upstream):
        """The node's response; upstream keeps the connection from one request to the next."""
        for attempt in range(2):
            fresh = "writer" not in upstream
            if fresh:
                upstream["reader"], upstream["writer"] = await asyncio.open_connection(
                    self.host, self.port, limit=http_wire.MAX_LINE)
            upstream["writer"].write(http_wire.format_request(request, f"{self.host}:{self.port}"))
            response = await http_wire.read_message(upstream["reader"])
            if response is not None:
                self.stats["forwarded"] += 1
                return response
            upstream.pop("writer").close()
            if fresh or attempt == 1:
                break
        raise ConnectionResetError("the node closed the connection")

    async def control(self, request, writer):
        """Answers the proxy's own paths; False for all others."""
        verb, path = request.start[0], request.start[1]
        if path == "/stats":
            body, status = json.dumps(self.stats), 200
        elif path == "/faults" and verb == "POST":
            try:
                self.set_faults(request.body)
                body, status = json.dumps(self.faults), 200
            except (ValueError, AttributeError, TypeError) as problem:
                body, status = json.dumps({"error": str(problem)}), 400
        elif path == "/faults":
            body, status = json.dumps(self.faults), 200
        else:
            return False
        writer.write(http_wire.format_response(status, body.encode()))
        return True

    async def respond(self, request, writer, upstream):
        """Sends what is to be sent; False if the connection ends with it."""
        if await self.control(request, writer):
            return True
        self.stats["requests"] += 1
        methods = methods_of(request.body)

        if fault := self.strike("delay", methods):
            await asyncio.sleep(fault.get("seconds", 0.2))
        if self.strike("drop_before", methods):
            http_wire.abort(writer)
            return False
        if fault := self.strike("status_429", methods):
            writer.write(http_wire.format_response(429, b"too many requests",
                                                   {"Content-Type": "text/plain",
                                                    "Retry-After": str(fault.get("retry_after", 1))}))
            return True
        if self.strike("status_502", methods):
            writer.write(http_wire.format_response(502, b"<html><h1>502 Bad Gateway</h1></html>",
                                                   {"Content-Type": "text/html"}))
            return True
        if fault := self.strike("hang", methods):
            if fault.get("forward"):
                await self.forward(request, upstream)
            await asyncio.Event().wait()
        if self.strike("duplicate", methods):
            await self.forward(request, upstream)
        return await self.respond_from_node(request, methods, writer, upstream)

    async def respond_from_node(self, request, methods, writer, upstream):
        try:
            response = await self.forward(request, upstream)
        except OSError:
            writer.write(http_wire.format_response(502, b"no node", {"Content-Type": "text/plain"}))
            return True
        if self.strike("drop_after", methods):
            http_wire.abort(writer)
            return False
        body = response.body
        if self.strike("lie", methods):
            body = with_other_hashes(body)
        headers = {"Content-Type": response.headers.get("content-type", "application/json")}
        data = http_wire.format_response(int(response.start[1]), body, headers)
        if self.strike("truncate", methods):
            writer.write(data[:len(data) - max(1, len(body) // 2)])
            return False
        writer.write(data)
        return True

    async def handle(self, reader, writer):
        upstream = {}
        try:
            while True:
                request = await http_wire.read_message(reader)
                if request is None or len(request.start) < 3:
                    return
                if not await self.respond(request, writer, upstream):
                    return
                await writer.drain()
        finally:
            if "writer" in upstream:
                upstream["writer"].close()


def main():
    parser = argparse.ArgumentParser(description="faulty proxy for JSON-RPC")
    parser.add_argument("--upstream", required=True, help="HOST:PORT of the node")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", help="JSON file; none without it")
    options = parser.parse_args()
    faults = "{}"
    if options.faults:
        with open(options.faults, encoding="utf-8") as file:
            faults = file.read()
    proxy = Proxy(options.upstream, options.seed, faults)
    asyncio.run(http_wire.serve(proxy.handle, options.port))
    return 0


if __name__ == "__main__":
    sys.exit(main())
