"""HTTP/1.1 on asyncio streams, as much as test servers need, who must be able to break it.

Used by rpc_node.py and fault_proxy.py.  One thread, standard library only.
"""

import asyncio
import http
import signal
import ssl

# Larger than any batch that a test sends.
MAX_LINE = 1 << 20


class Message:
    """A request (start = method, target, version) or a response (start = version, status, reason)."""

    def __init__(self, start, headers, body):
        self.start = start
        self.headers = headers
        self.body = body


async def read_message(reader, answers_head=False):
    """The next message of a connection, or None at its end (also in the middle of a message)."""
    try:
        line = (await reader.readline()).decode("latin-1").strip()
        if not line:
            return None
        headers = {}
        while True:
            header = (await reader.readline()).decode("latin-1")
            if not header:
                return None
            if not header.strip():
                break
            name, _, value = header.partition(":")
            headers[name.strip().lower()] = value.strip()
        if answers_head:
            body = b""
        elif headers.get("transfer-encoding", "").lower() == "chunked":
            body = await read_chunks(reader)
        elif "content-length" in headers:
            body = await reader.readexactly(int(headers["content-length"]))
        elif line.startswith("HTTP/"):
            body = await reader.read()
        else:
            body = b""
        return Message(line.split(" ", 2), headers, body)
    except (asyncio.IncompleteReadError, ConnectionError, ValueError):
        return None


async def read_chunks(reader):
    body = b""
    while True:
        size = int((await reader.readline()).split(b";")[0], 16)
        chunk = await reader.readexactly(size)
        await reader.readline()
        if size == 0:
            return body
        body += chunk


def format_request(message, host):
    """The bytes of a request to be forwarded."""
    method, target = message.start[0], message.start[1]
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(message.body)}"]
    for name in ("content-type", "authorization"):
        if name in message.headers:
            lines.append(f"{name}: {message.headers[name]}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + message.body


def format_response(status, body, headers=None):
    """The bytes of a response; headers replace those that are usual."""
    try:
        reason = http.HTTPStatus(status).phrase
    except ValueError:
        reason = "Unknown"
    all_headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    all_headers.update(headers or {})
    lines = [f"HTTP/1.1 {status} {reason}"] + [f"{name}: {value}" for name, value in all_headers.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def abort(writer):
    """Closes a connection with a reset, as a node does that dies."""
    if writer.transport is not None:
        writer.transport.abort()


def server_tls(certificate, key):
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


async def serve(handle_connection, port, tls=None):
    """Serves connections on 127.0.0.1 until SIGTERM or SIGINT; says on standard output where."""
    stop = asyncio.Event()
    tasks = set()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    async def connected(reader, writer):
        task = asyncio.current_task()
        tasks.add(task)
        try:
            await handle_connection(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", port, limit=MAX_LINE, backlog=1024, ssl=tls)
    print(f"listening on 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await stop.wait()
    server.close()
    for task in list(tasks):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
