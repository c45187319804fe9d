#!/usr/bin/python3
"""A worker for tasks of dalp (Resource "activity:queue"), to be copied and changed.

    worker.py --queue mail --call app.send_mail [--together]

It claims tasks in batches, keeps their leases alive from a second connection,
does the work and completes them; at SIGTERM it finishes the task in hand, gives
the others back, and ends.  The connection is what the environment says (PGHOST,
PGDATABASE ...); a server that restarts is waited for.

The work is here a call of an SQL function (key text, input jsonb) -> jsonb:

* --together: in one transaction with dalp.assert_lease and
  dalp.complete_task.  Whatever is killed when, its effect happens exactly once.
* without: first the work, then, for the whole batch with the next claim, the
  completion.  As with any service outside the database, the work may be
  repeated after a crash, always with the same key; the service should know it.

Needs psycopg 3 (Debian: python3-psycopg).
"""
import argparse
import os
import signal
import socket
import threading
import time

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

STALE = "DL005"          # the task is somebody else's now, or nobody's
CLAIM_WAIT = 2           # seconds of one long poll: SIGTERM is seen as often
RECONNECT = 0.2          # seconds between attempts to connect


class Worker:
    def __init__(self, options):
        self.options = options
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.held = set()            # tokens of tasks in hand
        self.lost = set()            # those that a heartbeat found stale

    # ---- Leases -----------------------------------------------------------

    def hold(self, tasks):
        with self.lock:
            self.held = {task["task_token"] for task in tasks}
            self.lost.clear()

    def drop(self, token):
        with self.lock:
            self.held.discard(token)

    def is_lost(self, token):
        with self.lock:
            return token in self.lost

    def beat(self):
        """Renews all leases three times in each, on a connection of its own."""
        while not self.stopping.wait(self.options.lease / 3):
            try:
                with self.connect() as connection:
                    while not self.stopping.wait(self.options.lease / 3):
                        self.beat_once(connection)
            except psycopg.OperationalError:
                pass                 # the server is away: it gives every lease its time again

    def beat_once(self, connection):
        with self.lock:
            tokens = list(self.held)
        for token in tokens:
            try:
                connection.execute("SELECT dalp.heartbeat_task(%s)", (token,))
            except psycopg.Error as error:
                if error.sqlstate != STALE:
                    raise
                with self.lock:
                    if token in self.held:
                        self.lost.add(token)

    # ---- The work ---------------------------------------------------------

    def call(self, connection, task):
        """The effect: change this to what your worker does."""
        row = connection.execute(f"SELECT {self.options.call}(%s, %s) AS result",
                                 (task["idempotency_key"], Jsonb(task["input"]))).fetchone()
        return row["result"]

    def do_together(self, connection, task):
        with connection.transaction():
            connection.execute("SELECT dalp.assert_lease(%s)", (task["task_token"],))
            result = self.call(connection, task)
            connection.execute("SELECT dalp.complete_task(%s, %s)", (task["task_token"], Jsonb(result)))

    def fail(self, connection, task, error):
        """The attempt fails by the error's SQLSTATE; the state's Retry and Catch decide."""
        try:
            connection.execute("SELECT dalp.fail_task(%s, %s, %s)", (task["task_token"], error.sqlstate, str(error)))
        except psycopg.Error as stale:
            if stale.sqlstate != STALE:
                raise

    def work(self, connection, tasks):
        """Does the tasks; returns [token, result] of those that are still to be completed."""
        done = []
        for task in tasks:
            token = task["task_token"]
            if self.stopping.is_set():
                break
            if self.is_lost(token):
                continue
            try:
                if self.options.together:
                    self.do_together(connection, task)
                    self.drop(token)
                else:
                    done.append((token, self.call(connection, task)))
            except psycopg.OperationalError:
                raise
            except psycopg.Error as error:
                if error.sqlstate != STALE:
                    self.fail(connection, task, error)
                self.drop(token)
        return done

    # ---- Claiming and completing ------------------------------------------

    def claim(self, connection, done):
        """Completes what is done and claims the next batch, in one commit."""
        options = self.options
        return connection.execute(
            "SELECT * FROM dalp.complete_and_claim(%s::text[], %s::jsonb[], %s, %s, %s, %s * interval '1 s', %s * interval '1 s')",
            ([token for token, _ in done], [Jsonb(result) for _, result in done],
             options.queue, options.name, options.batch, options.lease, CLAIM_WAIT)).fetchall()

    def complete_each(self, connection, done):
        """After one of a batch was stale: the others."""
        for token, result in done:
            try:
                connection.execute("SELECT dalp.complete_task(%s, %s)", (token, Jsonb(result)))
            except psycopg.Error as error:
                if error.sqlstate != STALE:
                    raise

    def give_back(self, connection, done):
        self.complete_each(connection, done)
        with self.lock:
            rest = list(self.held - {token for token, _ in done})
        connection.execute("SELECT dalp.release_tasks(%s::text[])", (rest,))

    def serve(self, connection):
        done = []
        while not self.stopping.is_set():
            try:
                tasks = self.claim(connection, done)
            except psycopg.Error as error:
                if error.sqlstate != STALE:
                    raise
                self.complete_each(connection, done)
                done = []
                continue
            self.hold(tasks)
            done = self.work(connection, tasks)
        self.give_back(connection, done)

    # ---- Life -------------------------------------------------------------

    def connect(self):
        return psycopg.connect("", autocommit=True, row_factory=dict_row, application_name=self.options.name)

    def run(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stopping.set())
        threading.Thread(target=self.beat, daemon=True).start()
        while not self.stopping.is_set():
            try:
                with self.connect() as connection:
                    self.serve(connection)
            except psycopg.OperationalError as error:
                print(f"{self.options.name}: {error}; trying again", flush=True)
                self.hold([])        # the leases end by themselves
                time.sleep(RECONNECT)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--queue", required=True)
    parser.add_argument("--call", required=True, help="SQL function (text, jsonb) returning jsonb")
    parser.add_argument("--name", default=f"{socket.gethostname()}:{os.getpid()}")
    parser.add_argument("--batch", type=int, default=10, help="tasks in hand at once")
    parser.add_argument("--lease", type=float, default=60, help="seconds")
    parser.add_argument("--together", action="store_true", help="effect and completion in one transaction")
    Worker(parser.parse_args()).run()


if __name__ == "__main__":
    main()
