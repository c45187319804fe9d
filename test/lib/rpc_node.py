#!/usr/bin/env python3
"""A JSON-RPC node that answers what a script says, and breaks HTTP where it says so.

    rpc_node.py [--port 0] [--script FILE] [--log FILE] [--tls-certificate FILE --tls-key FILE]

Prints "listening on 127.0.0.1:PORT" when ready; ends with SIGTERM.

The script is a JSON object, replaced at any time by POST /script:

    {"methods": {"eth_chainId": {"result": "0x1"},
                 "eth_sendRawTransaction": [{"error": {"code": -32000, "message": "nonce too low"}},
                                            {"drop": true},
                                            {"result": "0x…"}]},
     "default": {"error": {"code": -32601, "message": "Method not found"}},
     "paths":   {"/slow": {"delay": 2, "raw": "late"}}}

A list is used up entry by entry; its last one repeats.  "paths" decides what
becomes of a whole request; what it leaves open is answered as JSON-RPC.

Behaviours of one call (under "methods" and "default"):
    result      any JSON; {"echo": true} answers with the call's params
    error       {"code", "message", "data"}
    omit        no answer for this call        duplicate   two answers
    id          another id than the call's     both        result and error together
Behaviours of the whole request (under either; the first call's that has one wins):
    delay       seconds before anything        hang        never answer
    drop        close without an answer        truncate    bytes of the response to send, then close
    status      HTTP status                    headers     {name: value}
    raw         the body as text               body_bytes  a body of so many bytes
    chunked     send the body in chunks        header_bytes  so many bytes of extra headers
    reverse     answers in reverse order       garbage     bytes that aren't HTTP
    unframed    no length: ends with the connection

GET /log returns the last thousand requests, as --log records all of them: one JSON object a line,
{"time", "connection", "method", "path", "headers", "calls": [{"method", "params", "id"}]},
where connections are counted from 1.
"""

import argparse
import asyncio
import json
import sys
import time

import http_wire

WHOLE = ("delay", "hang", "drop", "truncate", "status", "headers", "raw", "body_bytes", "chunked",
         "header_bytes", "reverse", "garbage", "unframed")


class Script:
    def __init__(self, text):
        self.content = json.loads(text)
        self.used = {}

    def behaviour(self, section, name):
        """What to do now, and one step on in a list; None where the script says nothing."""
        if section == "default":
            entry = self.content.get("default")
        else:
            entry = self.content.get(section, {}).get(name)
        if not isinstance(entry, list):
            return entry
        step = self.used.get((section, name), 0)
        self.used[(section, name)] = step + 1
        return entry[min(step, len(entry) - 1)] if entry else None


class Node:
    def __init__(self, script, log):
        self.script = Script(script)
        self.log_file = open(log, "a", encoding="utf-8") if log else None
        self.log = []
        self.connections = 0

    def record(self, request, calls):
        line = json.dumps({"time": time.time(), "connection": request.connection, "method": request.start[0], "path": request.start[1],
                           "headers": request.headers, "calls": calls})
        self.log.append(line)
        del self.log[:-1000]
        if self.log_file:
            self.log_file.write(line + "\n")
            self.log_file.flush()

    def answer_call(self, call, whole):
        """The answers of one call; what it wants of the whole request goes into whole."""
        behaviour = self.script.behaviour("methods", call.get("method"))
        if behaviour is None:
            behaviour = self.script.behaviour("default", None)
        if behaviour is None:
            behaviour = {"error": {"code": -32601, "message": "Method not found"}}
        for key in WHOLE:
            if key in behaviour:
                whole.setdefault(key, behaviour[key])
        if behaviour.get("omit"):
            return []
        answer = {"jsonrpc": "2.0", "id": behaviour.get("id", call.get("id"))}
        if "error" in behaviour:
            answer["error"] = behaviour["error"]
        if "error" not in behaviour or behaviour.get("both"):
            answer["result"] = call.get("params") if behaviour.get("echo") else behaviour.get("result")
        return [answer, answer] if behaviour.get("duplicate") else [answer]

    def answer(self, request, whole):
        """The body of a JSON-RPC answer."""
        try:
            calls = json.loads(request.body)
        except ValueError:
            self.record(request, None)
            return json.dumps({"jsonrpc": "2.0", "id": None,
                               "error": {"code": -32700, "message": "Parse error"}})
        self.record(request, calls if isinstance(calls, list) else [calls])
        if not isinstance(calls, list):
            answers = self.answer_call(calls, whole)
            return json.dumps(answers[0] if len(answers) == 1 else answers)
        answers = [answer for call in calls for answer in self.answer_call(call, whole)]
        if whole.get("reverse"):
            answers.reverse()
        return json.dumps(answers)

    async def respond(self, request, writer):
        """Sends what is to be sent; False if the connection ends with it."""
        path = request.start[1].split("?")[0]
        if path == "/script" and request.start[0] == "POST":
            self.script = Script(request.body)
            writer.write(http_wire.format_response(200, b"{}"))
            return True
        if path == "/log":
            writer.write(http_wire.format_response(200, "\n".join(self.log).encode()))
            return True

        whole = dict(self.script.behaviour("paths", path) or {})
        if "raw" in whole or "body_bytes" in whole or request.start[0] != "POST":
            self.record(request, None)
            body = whole.get("raw", "")
        else:
            body = self.answer(request, whole)
            body = whole.get("raw", body)
        body = b"x" * whole["body_bytes"] if "body_bytes" in whole else body.encode()
        await asyncio.sleep(whole.get("delay", 0))
        if whole.get("hang"):
            await asyncio.Event().wait()
        if whole.get("drop"):
            http_wire.abort(writer)
            return False
        return self.send(writer, whole, b"" if request.start[0] == "HEAD" else body)

    @staticmethod
    def send(writer, whole, body):
        headers = dict(whole.get("headers", {}))
        for i in range(whole.get("header_bytes", 0) // 1000):
            headers[f"X-Filler-{i}"] = "x" * 980
        ends = False
        if whole.get("chunked"):
            parts = [body[i:i + 1000] for i in range(0, len(body), 1000)] + [b""]
            response = http_wire.format_response(whole.get("status", 200), b"", headers)
            response = response.replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
            response += b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
        else:
            response = http_wire.format_response(whole.get("status", 200), body, headers)
        if whole.get("unframed"):
            response = response.replace(b"Content-Length: %d\r\n" % len(body), b"Connection: close\r\n")
            ends = True
        if whole.get("garbage"):
            response, ends = b"\x00\x01\x02 this is no HTTP \xff\r\n" * 4, True
        if "truncate" in whole:
            response, ends = response[:whole["truncate"]], True
        writer.write(response)
        return not ends

    async def handle(self, reader, writer):
        self.connections += 1
        connection = self.connections
        while True:
            request = await http_wire.read_message(reader)
            if request is None or len(request.start) < 3:
                return
            request.connection = connection
            if not await self.respond(request, writer):
                return
            await writer.drain()


def main():
    parser = argparse.ArgumentParser(description="scripted JSON-RPC node")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--script", help="JSON file; an empty script without it")
    parser.add_argument("--log", help="file to append requests to")
    parser.add_argument("--tls-certificate")
    parser.add_argument("--tls-key")
    options = parser.parse_args()
    script = "{}"
    if options.script:
        with open(options.script, encoding="utf-8") as file:
            script = file.read()
    node = Node(script, options.log)
    tls = http_wire.server_tls(options.tls_certificate, options.tls_key)
    asyncio.run(http_wire.serve(node.handle, options.port, tls))
    return 0


if __name__ == "__main__":
    sys.exit(main())
