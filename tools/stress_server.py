#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stresses a server that serves the demo model, for minutes, and checks what it says of itself afterwards.

usage: stress_server.py PROGRAM [--minutes 10] [--clients 64] [-- OPTION OF SERVE...]

So many clients at a time, each with one request after the other: answers whole and streamed, of one and several
choices, clients that leave in the middle of a stream or before it, bodies that are no JSON, too large, too long for the
context, unknown paths. Fails when an answer is not as it should be, when blocks of the cache are not returned, when the
memory of the server grows, or when its metrics differ from what the clients counted.
"""
import argparse
import asyncio
import collections
import json
import random
import re
import subprocess
import sys
import time

PROMPTS = ["Hi", "What is 2 + 3?", "Tell me a story about a fox and a lamp.", "What is the weather in Oslo?"]
TIMEOUT = 180
MAX_GROWTH = 1.1  # of resident memory, from the end of the first fifth on


class Server:
    def __init__(self, program, options):
        self.process = subprocess.Popen([program, "serve", "--port", "0", "--no-access-log", *options],
                                        stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        self.port = int(re.search(r"http://[\d.]+:(\d+)", line)[1])

    def resident_mib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) / 1024


class Connection:
    """One request and what comes back, as bytes."""

    def __init__(self, port):
        self.port = port

    async def __aenter__(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_):
        self.writer.close()

    async def send(self, method, path, body=b""):
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        self.writer.write(head.encode() + body)
        await self.writer.drain()

    async def receive(self):
        answer = await asyncio.wait_for(self.reader.read(-1), TIMEOUT)
        head, _, body = answer.partition(b"\r\n\r\n")
        status = int(head.split()[1]) if head else 0
        if b"chunked" in head.lower():
            body = b"".join(chunks_of(body))
        return status, body


def chunks_of(body):
    while body:
        size, _, rest = body.partition(b"\r\n")
        n = int(size, 16)
        yield rest[:n]
        body = rest[n + 2:]


class Client:
    """What one client does, over and over; `counts` is shared."""

    def __init__(self, port, seed, counts):
        self.port, self.random, self.counts = port, random.Random(seed), counts

    def chat(self, **fields):
        content = self.random.choice(PROMPTS) * self.random.randint(1, 5)
        return json.dumps({"messages": [{"role": "user", "content": content}], "seed": self.random.randrange(1000),
                           "max_tokens": self.random.randint(1, 80), **fields}).encode()

    async def whole(self, connection):
        n = self.random.choice([1, 1, 1, 2])
        await connection.send("POST", "/v1/chat/completions", self.chat(n=n))
        status, body = await connection.receive()
        if status != 200:
            return self.unexpected(status, body)
        answer = json.loads(body)
        assert len(answer["choices"]) == n, answer
        self.counts["choices"] += n
        self.counts["tokens"] += answer["usage"]["completion_tokens"]

    async def streamed(self, connection):
        await connection.send("POST", "/v1/chat/completions",
                              self.chat(stream=True, stream_options={"include_usage": True}))
        status, body = await connection.receive()
        if status != 200:
            return self.unexpected(status, body)
        events = [line[6:] for line in body.decode().splitlines() if line.startswith("data: ")]
        assert events[-1] == "[DONE]", events[-1]
        self.counts["choices"] += 1
        self.counts["tokens"] += json.loads(events[-2])["usage"]["completion_tokens"]

    async def leaves(self, connection):
        """In the middle of a stream, or before it."""
        self.counts["left"] += 1
        await connection.send("POST", "/v1/chat/completions", self.chat(stream=True, ignore_eos=True, max_tokens=400))
        if self.random.random() < 0.7:
            await asyncio.wait_for(connection.reader.read(self.random.randint(1, 4000)), TIMEOUT)

    async def malformed(self, connection):
        path, body, expected = self.random.choice([
            ("/v1/chat/completions", b'{"messages": [', 400),
            ("/v1/chat/completions", b'{"messages": 3}', 400),
            ("/v1/chat/completions", self.chat(temperature=-1), 400),
            ("/v1/completions", json.dumps({"prompt": "fox " * 9000}).encode(), 400),
            ("/v1/completions", b" " * (17 << 20), 413),
            ("/v1/nothing", b"{}", 404),
        ])
        await connection.send("POST", path, body)
        status, body = await connection.receive()
        if status != expected:
            self.unexpected(status, body)
        self.counts["malformed"] += 1

    def unexpected(self, status, body):
        self.counts["unexpected"] += 1
        print(f"unexpected: {status} {body[:300]!r}", file=sys.stderr)

    async def run(self, until):
        doings = [self.whole, self.streamed, self.leaves, self.malformed]
        while time.monotonic() < until:
            do = self.random.choices(doings, weights=[30, 40, 20, 10])[0]
            try:
                async with Connection(self.port) as connection:
                    await do(connection)
            except (ConnectionError, asyncio.IncompleteReadError) as error:
                if do == self.malformed:  # a body that is too large may be answered before it is sent
                    self.counts["malformed"] += 1
                else:
                    self.unexpected(0, repr(error).encode())


async def metrics_of(port):
    async with Connection(port) as connection:
        await connection.send("GET", "/metrics")
        _, body = await connection.receive()
    return {name + labels: float(value)
            for name, labels, value in re.findall(r"^metal_marlin_(\w+)(\{[^}]*\}) (\S+)$", body.decode(), re.MULTILINE)}


def value_of(metrics, name, *labels):
    return sum(value for key, value in metrics.items() if key.startswith(name + "{") and all(l in key for l in labels))


async def stress(server, minutes, n_clients):
    counts = collections.Counter()
    begin = time.monotonic()
    until = begin + 60 * minutes
    clients = asyncio.gather(*[Client(server.port, seed, counts).run(until) for seed in range(n_clients)])
    memory = []
    while not clients.done():
        await asyncio.wait([clients], timeout=5)
        memory.append(server.resident_mib())
        print(f"{time.monotonic() - begin:5.0f} s  {memory[-1]:6.1f} MiB  {dict(counts)}", file=sys.stderr)
    await clients
    await asyncio.sleep(1)  # a step, for those who left last
    return counts, memory, await metrics_of(server.port)


def failures_of(counts, memory, metrics):
    settled = memory[len(memory) // 5]
    finished = value_of(metrics, "request_success_total", 'reason="stop"') + value_of(
        metrics, "request_success_total", 'reason="length"')
    checks = {
        "answers that were not as they should be": counts["unexpected"] == 0,
        "requests still there": value_of(metrics, "num_requests_running") + value_of(metrics, "num_requests_waiting") == 0,
        "cache blocks not returned": value_of(metrics, "kv_cache_usage_perc") == 0,
        "requests that failed": value_of(metrics, "request_success_total", 'reason="error"') == 0,
        # a client that left may have had its whole answer
        "finished requests differ": counts["choices"] <= finished <= counts["choices"] + counts["left"],
        "requests differ": value_of(metrics, "e2e_request_latency_seconds_count") <= counts["choices"] + counts["left"],
        "fewer tokens than the clients got": value_of(metrics, "generation_tokens_total") >= counts["tokens"],
        "tokens differ": value_of(metrics, "generation_tokens_total") == value_of(metrics, "request_generation_tokens_sum"),
        "memory grows": max(memory[len(memory) // 5:]) <= MAX_GROWTH * settled,
    }
    return [what for what, holds in checks.items() if not holds]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("options", nargs="*", help="of serve")
    arguments = parser.parse_args()
    # Few blocks: requests are stopped and begin again, and the memory of the cache is soon touched as a whole.
    options = ["--max-queue", str(2 * arguments.clients), "--num-kv-blocks", "64"]
    server = Server(arguments.program, options + arguments.options)
    try:
        counts, memory, metrics = asyncio.run(stress(server, arguments.minutes, arguments.clients))
    finally:
        server.process.terminate()
        _, log = server.process.communicate(timeout=TIMEOUT)
    failures = failures_of(counts, memory, metrics)
    print(json.dumps({"counts": counts, "memory_mib": {"settled": memory[len(memory) // 5], "most": max(memory),
                                                       "last": memory[-1]},
                      "metrics": {key: value for key, value in metrics.items() if "_bucket" not in key},
                      "exit": server.process.returncode, "log": log[-2000:], "failures": failures}, indent=1))
    return 1 if failures or server.process.returncode != 0 else 0


if __name__ == "__main__":
    sys.exit(main())
