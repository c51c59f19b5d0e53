# SPDX-License-Identifier: Apache-2.0
"""Clients that do all kinds of work on a server that may be killed at any moment, and a ledger of
what they were told.

Each write carries an idempotency key and is repeated with it until it is acknowledged; now and then
the client hangs up before the answer. `Ledger.check` then compares what the server has with what
was acknowledged: nothing may be missing, twice, or there although nobody sent it.
"""

import http.client
import random
import threading
import time
from collections import Counter as Count

from harness import new_id, wait_until
from linearizability import Counter, History, Register, is_linearizable

API = "/api/v1"
CLIENTS = 8
SHARED_OBJECTS = 4
ACCOUNTS = 4
REFUSED = 10**9  # what refused commands would add


class Ledger:
    """What was acknowledged. Threads: any; `check` when all clients have ended."""

    def __init__(self):
        self.lock = threading.Lock()
        self.history = History()
        self.round = 0  # part of the objects' names, so that no history grows without end
        self.messages = {}  # content: (id, seq)
        self.notebooks = {}  # title: id
        self.accounts = Count()
        self.alarms = Count()  # by object
        self.jobs = {}  # payload: id
        self.counts = Count()

    def note(self, kind, table=None, key=None, value=None):
        with self.lock:
            self.counts[kind] += 1
            if isinstance(table, Count):
                table[key] += value
            elif table is not None:
                table[key] = value


class Hasty(Exception):
    """The client hung up and will not ask again."""


class LoadClient(threading.Thread):
    """Does one thing after the other until `done` is set, with at least `pace_s` from one to the
    next. `hang_up` is the share of requests whose answer it does not wait for."""

    def __init__(self, server, ledger, conversation, seed, work, hang_up, pace_s):
        super().__init__(daemon=True)
        self.client = server.client()
        self.ledger = ledger
        self.conversation = conversation
        self.random = random.Random(seed)
        self.done = work.done
        self.going = work.going
        self.hang_up = hang_up
        self.pace_s = pace_s
        self.failure = None
        self.latencies_s = []
        self.actions = [(self.add, 5), (self.put, 3), (self.read_counter, 3),
                        (self.read_document, 3), (self.send_message, 4), (self.transfer, 2),
                        (self.create_notebook, 2), (self.be_refused, 1), (self.set_alarm, 1),
                        (self.make_job, 1)]

    def run(self):
        functions, weights = zip(*self.actions, strict=True)
        try:
            due = time.monotonic()
            while not self.done.wait(max(0, due - time.monotonic())):
                self.going.wait()
                due = max(due, time.monotonic() - self.pace_s) + self.pace_s
                self.random.choices(functions, weights)[0]()
        except Exception as error:  # noqa: BLE001, reported by `failures_of`
            self.failure = error
        finally:
            self.client.close()

    # Requests

    def once(self, method, path, body, headers):
        """One try: a reply, or none when none came."""
        try:
            if self.random.random() < self.hang_up:
                self.client.send(method, path, body, headers)
                self.client.close()
                return None
            began = time.monotonic()
            reply = self.client.call(method, path, body=body, headers=headers)
            self.latencies_s.append((began, time.monotonic() - began))
        except (OSError, http.client.HTTPException):
            return None
        return None if reply.status in (409, 429, 503) else reply

    def until_answered(self, method, path, body=None, statuses=(200, 201), tries=None):
        """Repeats a write with one key until it has a definite answer."""
        headers = {"Idempotency-Key": new_id()}
        count = 0
        while True:
            reply = self.once(method, API + path, body, headers)
            if reply is not None:
                if reply.status not in statuses:
                    raise AssertionError(f"{method} {path} {body}: unexpected {reply}")
                self.ledger.counts["replayed"] += reply.headers["Idempotent-Replayed"] == "true"
                return reply
            count += 1
            if count == tries:
                raise Hasty
            time.sleep(0.005)

    def ask(self, path, body):
        """A question; none when it was not answered."""
        return self.once("POST", API + path, body, {})

    def call_object(self, kind, target, name, argument, payload):
        """A command whose place in the object's history is to be found."""
        operation = self.ledger.history.call((kind, target), name, argument)
        try:
            # Some are sent once and never again: whether they happened, only the history can tell.
            reply = self.until_answered("POST", f"/durable-objects/{kind}/{target}/request",
                                        {"command": name, "payload": payload},
                                        tries=1 if self.random.random() < 0.1 else None)
        except Hasty:
            return
        History.answer(operation, reply.json)
        self.ledger.note(kind)

    def query_object(self, kind, target, name):
        operation = self.ledger.history.call((kind, target), name)
        reply = self.ask(f"/durable-objects/{kind}/{target}/request", {"query": name})
        if reply is None:
            return
        absent = 0 if kind == "counter" else None
        if reply.status not in (200, 404):
            raise AssertionError(f"unexpected {reply}")
        result = reply.json if reply.status == 200 else absent
        if kind == "document" and result is not None:
            result = result.get("text")
        History.answer(operation, result)
        self.ledger.note("reads")

    def shared(self, kind):
        return f"{kind}-{self.ledger.round}-{self.random.randrange(SHARED_OBJECTS)}"

    # Actions

    def add(self):
        by = self.random.randrange(1, 1000)
        self.call_object("counter", self.shared("c"), "add", by, {"by": by})

    def put(self):
        text = new_id()
        self.call_object("document", self.shared("d"), "put", text, {"text": text})

    def read_counter(self):
        self.query_object("counter", self.shared("c"), "value")

    def read_document(self):
        self.query_object("document", self.shared("d"), "get")

    def send_message(self):
        content = new_id()
        reply = self.until_answered("POST", f"/conversations/{self.conversation}/messages",
                                    {"role": "user", "content": content, "client_id": content})
        self.ledger.note("messages", self.ledger.messages, content,
                         (reply.json["id"], reply.json["seq"]))

    def transfer(self):
        giver, taker = self.random.sample(range(ACCOUNTS), 2)
        amount = self.random.randrange(1, 100)
        steps = [{"kind": "counter", "id": f"account-{number}", "command": "add",
                  "payload": {"by": by}} for number, by in ((giver, -amount), (taker, amount))]
        self.until_answered("POST", "/durable-objects/transact", {"steps": steps})
        self.ledger.note("transfers", self.ledger.accounts, giver, -amount)
        self.ledger.note("transfers", self.ledger.accounts, taker, amount)

    def create_notebook(self):
        title = new_id()
        reply = self.until_answered("POST", "/notebooks", {"title": title})
        self.ledger.note("notebooks", self.ledger.notebooks, title, reply.json["id"])

    def be_refused(self):
        """Writes that must leave no trace: a wrong payload, and a stale precondition."""
        target = f"/durable-objects/counter/{self.shared('c')}/request"
        if self.random.random() < 0.5:
            self.until_answered("POST", target, {"command": "add", "payload": {"by": "x"}},
                                statuses=(422,))
        else:
            reply = self.once("POST", API + target, {"command": "add", "payload": {"by": REFUSED}},
                              {"If-Match": '"999999999"'})
            if reply is not None and reply.status != 412:
                raise AssertionError(f"unexpected {reply}")
        self.ledger.note("refused")

    def set_alarm(self):
        target = f"alarms-{self.ledger.round}-{self.random.randrange(SHARED_OBJECTS)}"
        self.until_answered("POST", f"/durable-objects/counter/{target}/alarms",
                            {"name": new_id(), "command": "add", "payload": {"by": 1},
                             "after_ms": self.random.randrange(300)},
                            statuses=(201,))
        self.ledger.note("alarms", self.ledger.alarms, target, 1)

    def make_job(self):
        payload = new_id()
        reply = self.until_answered("POST", "/jobs", {"type": "echo", "payload": payload})
        self.ledger.note("jobs", self.ledger.jobs, payload, reply.json["id"])


class Workload:
    """The clients of one test, and the checks at its end."""

    def __init__(self, test, server, seed, hang_up=0.05, pace_s=0):
        self.test = test
        self.server = server
        self.ledger = Ledger()
        self.done = threading.Event()
        self.going = threading.Event()
        self.going.set()
        client = server.client()
        self.conversation = client.post(API + "/conversations", {"title": "ledger"}).json["id"]
        client.close()
        self.new_round(0)
        self.clients = [LoadClient(server, self.ledger, self.conversation, f"{seed}.{n}",
                                   self, hang_up, pace_s) for n in range(CLIENTS)]
        for load in self.clients:
            load.start()

    def new_round(self, number):
        """Begins new objects. Alarms need theirs to be there."""
        client = self.server.client()
        for n in range(SHARED_OBJECTS):
            made = client.command("counter", f"alarms-{number}-{n}", "add", {"by": 0})
            self.test.assertEqual(made.status, 200, made)
        client.close()
        self.ledger.round = number

    def failure(self):
        return next((c.failure for c in self.clients if c.failure), None)

    def pause(self):
        """Requests that are on their way are answered."""
        self.going.clear()

    def resume(self):
        self.going.set()

    def latencies(self):
        """(when a request began, how long it took), in seconds, in order."""
        return sorted(x for client in self.clients for x in client.latencies_s)

    def finish(self):
        self.done.set()
        self.going.set()
        for load in self.clients:
            load.join(120)
            self.test.assertFalse(load.is_alive(), "a client never got its answer")
        if self.failure():
            raise self.failure()

    def everything(self, client, path):
        items, cursor = [], None
        while True:
            query = {"limit": 500, **({"cursor": cursor} if cursor else {})}
            page = client.get(API + path, query=query)
            self.test.assertEqual(page.status, 200, page)
            items += page.json["items"]
            cursor = page.json["next_cursor"]
            if cursor is None:
                return items

    def check(self):
        client = self.server.client()
        self.check_histories(client)
        self.check_messages(client)
        self.check_notebooks(client)
        self.check_accounts(client)
        self.check_alarms(client)
        self.check_jobs(client)
        client.close()

    def check_histories(self, client):
        for (kind, target), operations in self.ledger.history.by_object.items():
            # One more question, with nobody else there: what is on the disk.
            question = "value" if kind == "counter" else "get"
            operation = self.ledger.history.call((kind, target), question)
            reply = client.query(kind, target, question)
            if reply.status == 200:
                found = reply.json
                History.answer(operation, found if kind == "counter" else found.get("text"))
            else:
                self.test.assertEqual(reply.status, 404, reply)
                History.answer(operation, 0 if kind == "counter" else None)
            model = Counter if kind == "counter" else Register
            if not is_linearizable(operations, model):
                story = "\n".join(str(o) for o in sorted(operations, key=lambda o: o.called)[-80:])
                self.test.fail(f"{kind}/{target}: no order of these explains the answers:\n{story}")

    def check_messages(self, client):
        stored = self.everything(client, f"/conversations/{self.conversation}/messages")
        seqs = [item["seq"] for item in stored]
        self.test.assertEqual(seqs, sorted(set(seqs)), "each place is taken once, in order")
        self.test.assertEqual({item["content"]: (item["id"], item["seq"]) for item in stored},
                              self.ledger.messages)
        self.test.assertEqual(len(stored), len(self.ledger.messages), "a message stands twice")

    def check_notebooks(self, client):
        stored = Count(item["title"] for item in self.everything(client, "/notebooks"))
        self.test.assertEqual(stored, Count(self.ledger.notebooks.keys()))
        for title, notebook_id in self.ledger.notebooks.items():
            if self.ledger.counts["notebooks"] < 200 or title[0] in "01":
                found = client.get(f"{API}/notebooks/{notebook_id}")
                self.test.assertEqual(found.json["title"], title)

    def check_accounts(self, client):
        values = {n: client.query("counter", f"account-{n}", "value").json for n in range(ACCOUNTS)
                  if n in self.ledger.accounts}
        self.test.assertEqual(values, dict(self.ledger.accounts))
        self.test.assertEqual(sum(values.values()), 0)

    def check_alarms(self, client):
        for target, count in self.ledger.alarms.items():
            def value(target=target):
                return client.query("counter", target, "value").json

            wait_until(lambda value=value, count=count: value() >= count, timeout=60,
                       what=f"{count} alarms of {target}")
            self.test.assertEqual(value(), count, f"{target}: an alarm's turn was done twice")

    def check_jobs(self, client):
        def unfinished():
            return [j for j in self.everything(client, "/jobs") if j["status"] != "succeeded"]

        wait_until(lambda: not unfinished(), timeout=120, what="the end of all jobs")
        stored = self.everything(client, "/jobs")
        self.test.assertEqual({job["payload"]: job["id"] for job in stored}, self.ledger.jobs)
        self.test.assertEqual(len(stored), len(self.ledger.jobs), "a job stands twice")
        for job in stored:
            if "result" in job:
                self.test.assertEqual(job["result"], job["payload"])
