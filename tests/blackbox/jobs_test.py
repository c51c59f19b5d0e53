#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""/jobs through the real server, and through kill -9 at every step."""

import itertools
import json
import time
import unittest

from event_stream import Stream
from harness import BlackBoxTest, SharedServerTest, new_id, wait_until
from job_case import JobCalls


class Jobs(JobCalls, SharedServerTest):
    arguments = ("--jobs-queues", "narrow=1", "--jobs-types", "sleep=3")

    def test_give_their_result(self):
        job = self.make("echo", {"text": "hello"}, metadata={"mine": 1})
        done = self.when(job, "succeeded")
        self.assertEqual(done["result"], {"text": "hello"})
        self.assertEqual((done["attempts"], done["error"]), (1, None))
        self.assertEqual(done["metadata"], {"mine": 1})
        for member in ("created_at", "started_at", "finished_at", "expires_at"):
            self.assertIsNotNone(done[member], member)
        self.assertEqual(self.outcomes(job), ["succeeded"])

    def test_unknown_types_and_payloads_are_refused_by_name(self):
        problem = self.assert_problem(self.client.post("/jobs", {"type": "no"}), 422)
        self.assertIn("sleep", problem["details"]["type"])
        problem = self.assert_problem(
            self.client.post("/jobs", {"type": "sleep", "payload": {"ms": "x"}}), 422)
        self.assertIn("payload.ms", problem["details"])
        problem = self.assert_problem(
            self.client.post("/jobs", {"type": "echo", "cron": "61 * * * *"}), 422)
        self.assertIn("cron", problem["details"])

    def test_an_idempotency_key_makes_one_job(self):
        key = {"Idempotency-Key": new_id()}
        first = self.client.post("/jobs", {"type": "echo"}, headers=key)
        again = self.client.post("/jobs", {"type": "echo"}, headers=key)
        self.assertEqual((first.status, again.status), (201, 201))
        self.assertEqual(first.json["id"], again.json["id"])
        self.assertEqual(again.headers["Idempotent-Replayed"], "true")

    def test_no_more_run_at_a_time_than_their_type_allows(self):
        queues = ["default", "other"]
        # The last place is for who has none, so one user alone would have two of three.
        users = [self.user() for _ in range(3)]
        jobs = [self.make("sleep", {"ms": 300}, users[i % 3], queue=queues[i % 2])
                for i in range(9)]
        done = [self.when(job, "succeeded") for job in jobs]
        # Where one ends in the millisecond in which another begins, the end comes first.
        moments = sorted([(job["started_at"], 1) for job in done] +
                         [(job["finished_at"], -1) for job in done])
        at_a_time = list(itertools.accumulate(change for _, change in moments))
        self.assertEqual(max(at_a_time), 3)

    def test_a_queue_goes_by_priority(self):
        first = self.make("sleep", {"ms": 400}, queue="narrow")
        self.when(first, "running")
        low, high, middle = (self.make("echo", queue="narrow", priority=priority)
                             for priority in (-1, 9, 3))
        self.assertEqual(self.stats_of("narrow")["running"], 1)
        done = [self.when(job, "succeeded") for job in (high, middle, low)]
        began = [job["started_at"] for job in done]
        self.assertEqual(began, sorted(began))
        self.assertGreaterEqual(began[0], self.job(first)["finished_at"])

    def test_are_cancelled_while_they_wait_and_while_they_run(self):
        running = self.make("sleep", {"ms": 600_000}, queue="narrow")
        self.when(running, "running")
        waiting = self.make("echo", queue="narrow")
        later = self.make("echo", delay_ms=600_000)
        for job in (waiting, later):
            reply = self.client.post(f"/jobs/{job}/cancel")
            self.assertEqual((reply.status, reply.json["status"]), (200, "cancelled"))
        self.assert_problem(self.client.delete(f"/jobs/{running}"), 409)
        self.assertEqual(self.client.post(f"/jobs/{running}/cancel").status, 200)
        self.when(running, "cancelled")
        done = self.make("echo", queue="narrow")
        self.when(done, "succeeded")
        self.assert_problem(self.client.post(f"/jobs/{done}/cancel"), 409)

    def test_that_are_over_can_be_removed(self):
        job = self.make("echo")
        self.when(job, "succeeded")
        key = {"Idempotency-Key": new_id()}
        self.assertEqual(self.client.delete(f"/jobs/{job}", headers=key).status, 204)
        self.assertEqual(self.client.delete(f"/jobs/{job}", headers=key).status, 204)
        self.assert_problem(self.client.get(f"/jobs/{job}"), 404)
        self.assert_problem(self.client.delete(f"/jobs/{job}"), 404)

    def test_that_fail_are_tried_again(self):
        slow = self.make("sleep", {"ms": 60_000}, timeout_ms=50,
                         retry={"attempts": 2, "backoff_ms": 1})
        failed = self.when(slow, "failed")
        self.assertEqual((failed["attempts"], failed["error"]["code"]), (2, "deadline_exceeded"))
        self.assertEqual(self.outcomes(slow), ["failed", "failed"])
        gone = self.make("export", {"kind": "notebook", "id": new_id()})
        self.assertEqual(self.when(gone, "failed")["attempts"], 1)

    def test_are_listed_by_what_they_are(self):
        queue = "q" + new_id()
        jobs = []
        for type, payload in [("echo", None)] * 3 + [("sleep", {"ms": 0})]:
            jobs.append(self.make(type, payload, queue=queue))
            time.sleep(0.002)  # lists are ordered by milliseconds
        late = self.make("echo", queue=queue, delay_ms=600_000)
        for job in jobs:
            self.when(job, "succeeded")

        def listed(**query):
            found = self.client.get("/jobs", query=query)
            self.assertEqual(found.status, 200, found)
            return [job["id"] for job in found.json["items"]]

        self.assertEqual(listed(queue=queue), [late, *reversed(jobs)])
        self.assertEqual(listed(queue=queue, status="queued"), [late])
        self.assertEqual(listed(queue=queue, type="echo", status="succeeded"), jobs[2::-1])
        self.assertEqual(listed(queue=queue, sort="created_at", limit=2), jobs[:2])
        page = self.client.get("/jobs", query={"queue": queue, "limit": 2}).json
        rest = self.client.get("/jobs", query={"queue": queue, "cursor": page["next_cursor"]}).json
        self.assertEqual([job["id"] for job in page["items"] + rest["items"]],
                         [late, *reversed(jobs)])
        self.assert_problem(self.client.get("/jobs", query={"status": "no"}), 422)
        self.assert_problem(self.client.get("/jobs", query={"color": "no"}), 422)

    def test_by_cron_wait_for_their_tick(self):
        job = self.make("echo", cron="0 4 * * *", time_zone="Europe/Oslo")
        found = self.job(job)
        self.assertEqual(found["status"], "queued")
        self.assertGreater(found["run_at"], found["created_at"])
        # As its alarm does at four o'clock.
        for _ in range(2):
            reply = self.client.post(f"/durable-objects/job/{job}/request", {"command": "tick"})
            self.assertEqual(reply.status, 200, reply)
            wait_until(lambda: self.outcomes(job)[:1] == ["succeeded"])
            time.sleep(0.05)
        wait_until(lambda: self.outcomes(job) == ["succeeded", "succeeded"])
        self.assertEqual(self.when(job, "queued")["expires_at"], None)
        self.assertEqual(self.client.post(f"/jobs/{job}/cancel").json["status"], "cancelled")

    def test_export_what_can_be_imported(self):
        notebook = self.client.post("/notebooks", {"title": "n"}).json["id"]
        one = self.make("export", {"kind": "notebook", "id": notebook})
        done = self.when(one, "succeeded")
        output = self.client.get(f"/jobs/{one}/output")
        self.assertEqual(output.headers.get_content_type(), "application/x-ndjson")
        self.assertEqual(len(output.body), done["output_bytes"])
        self.assertEqual(output.body,
                         self.client.get(f"/durable-objects/notebook/{notebook}/export").body)
        everything = self.make("export")
        result = self.when(everything, "succeeded")["result"]
        lines = self.client.get(f"/jobs/{everything}/output").body.splitlines()
        self.assertEqual(json.loads(lines[0])["format"], "perdure-user-archive")
        self.assertEqual(len(lines), 1 + result["objects"])
        self.assertIn(notebook, [json.loads(line)["resource"]["id"] for line in lines[1:]])

    def test_are_counted(self):
        queue = "counted" + new_id()
        self.when(self.make("echo", queue=queue), "succeeded")
        wait_until(lambda: self.stats_of(queue)["succeeded"] == 1)
        stats = self.client.get("/jobs/stats").json
        sleep = next(one for one in stats["performers"] if one["type"] == "sleep")
        self.assertEqual(sleep["concurrency"], 3)
        metrics = self.client.get("/metrics").body.decode()
        self.assertIn(f'perdure_jobs_queued{{queue="{queue}"}} 0', metrics)
        self.assertIn('perdure_jobs_finished_total{', metrics)


class Owners(JobCalls, BlackBoxTest):
    def start(self, *arguments):
        self.shared = self.server(*arguments).start()
        self.client = self.shared.client()

    def sleepers(self, client, queues, each):
        return [self.make("sleep", {"ms": 600_000}, client, queue=queue)
                for _ in range(each) for queue in queues]

    def running(self, client):
        return [job["id"] for job in
                client.get("/jobs", query={"status": "running", "limit": 200}).json["items"]]

    def test_of_one_user_that_sleep_in_all_queues_hold_up_nobody_else(self):
        self.start()
        greedy, modest, late = self.user(), self.user(), self.user()
        queues = ["default", "q1", "q2", "q3", "q4"]
        asleep = self.sleepers(greedy, queues, 16)
        # All that a user gets of the places for sleep, and of each queue.
        wait_until(lambda: len(self.running(greedy)) == 56)
        wait_until(lambda: self.stats_of("default")["running"] == 14)

        def has_its_turn(client):
            for queue in queues:
                job = self.make("sleep", {"ms": 10}, client, queue=queue)
                self.when(job, "succeeded")
            self.assertEqual(len(self.running(greedy)), 56)

        has_its_turn(modest)
        # Those that wait when the server ends wait behind nobody's second place, either.
        waiting = [self.make("sleep", {"ms": 10}, late) for _ in range(5)]
        self.shared.kill()
        self.shared.start()
        self.client = self.shared.client()
        greedy, modest, late = (self.shared.client(one.key) for one in (greedy, modest, late))
        for job in waiting:
            wait_until(lambda: late.get(f"/jobs/{job}").json["status"] == "succeeded")
        wait_until(lambda: len(self.running(greedy)) == 56)
        has_its_turn(modest)
        wait_until(lambda: self.stats_of("default")["running"] == 14)
        self.assertEqual(self.job(asleep[-1])["status"], "queued")

    def test_take_turns_in_a_queue(self):
        self.start("--jobs-queues", "narrow=1")
        greedy, modest = self.user(), self.user()
        first = self.make("sleep", {"ms": 600_000}, greedy, queue="narrow")
        self.when(first, "running")
        many = [self.make("echo", client=greedy, queue="narrow", priority=9) for _ in range(20)]
        one = self.make("echo", client=modest, queue="narrow", priority=-9)
        wait_until(lambda: self.stats_of("narrow")["queued"] == 21)
        self.assertEqual(self.stats_of("narrow")["owners_waiting"], 2)
        self.assertNotIn("owners_waiting", self.stats_of("narrow", greedy))
        self.assertEqual(greedy.post(f"/jobs/{first}/cancel").status, 200)
        began = [self.when(job, "succeeded")["started_at"] for job in (many[0], one, many[2])]
        self.assertEqual(began, sorted(began))

    def test_of_a_batch_are_counted_together(self):
        self.start("--jobs-queues", "narrow=1,other=1", "--jobs-owner-queued", "3",
                   "--jobs-queued", "5")
        greedy, other = self.user(), self.user()
        for queue in ("narrow", "other"):
            self.when(self.make("sleep", {"ms": 600_000}, other, queue=queue), "running")

        def batch(count, atomic, client=greedy, queue="narrow", **fields):
            body = {"type": "echo", "queue": queue, **fields}
            return client.post("/batch", {"atomic": atomic, "requests": [
                {"method": "POST", "path": "/jobs", "body": body}] * count})

        problem = self.assert_problem(batch(4, True), 429, "rate_limited")
        self.assertEqual(problem["errors"][0]["pointer"], "/requests/3")
        self.assertEqual(self.stats_of("narrow")["queued"], 0)
        # Those whose time has not come wait outside.
        self.assertEqual(batch(10, True, delay_ms=600_000).status, 200)
        self.assertEqual(batch(2, True).status, 200)
        wait_until(lambda: self.stats_of("narrow")["queued"] == 2)
        items = batch(3, False).json["items"]
        self.assertEqual([item["status"] for item in items], [201, 429, 429])
        # The same of all together.
        wait_until(lambda: self.stats_of("narrow")["queued"] == 3)
        self.assert_problem(batch(3, True, other), 503, "overloaded")
        items = batch(4, False, queue="other").json["items"]
        self.assertEqual([item["status"] for item in items], [201, 201, 201, 429])

    def test_are_told_when_they_may_queue_no_more(self):
        self.start("--jobs-queues", "narrow=1", "--jobs-owner-queued", "3", "--jobs-queued", "4")
        greedy, modest = self.user(), self.user()
        running = self.make("sleep", {"ms": 600_000}, greedy, queue="narrow")
        self.when(running, "running")
        key = {"Idempotency-Key": new_id()}
        body = {"type": "echo", "queue": "narrow"}
        kept = greedy.post("/jobs", body, headers=key)
        self.assertEqual(kept.status, 201)
        waiting = [self.make("echo", client=greedy, queue="narrow") for _ in range(2)]
        wait_until(lambda: self.stats_of("narrow")["queued"] == 3)
        for headers in ({}, {"Idempotency-Key": new_id()}):
            reply = greedy.post("/jobs", body, headers=headers)
            problem = self.assert_problem(reply, 429, "rate_limited")
            self.assertIn("jobs.owner_queued", problem["detail"])
            self.assertEqual(reply.headers["Retry-After"], "10")
        again = greedy.post("/jobs", body, headers=key)
        self.assertEqual((again.status, again.json["id"]), (201, kept.json["id"]))
        # The bound is one of this queue and this owner.
        self.make("echo", client=greedy)
        self.make("echo", client=modest, queue="narrow")
        wait_until(lambda: self.stats_of("narrow")["queued"] == 4)
        problem = self.assert_problem(modest.post("/jobs", body), 503, "overloaded")
        self.assertIn("jobs.queued", problem["detail"])
        self.assertEqual(greedy.post(f"/jobs/{waiting[0]}/cancel").status, 200)
        wait_until(lambda: self.stats_of("narrow")["queued"] == 3)
        self.make("echo", client=modest, queue="narrow")

    def test_begin_no_more_queues_than_they_may(self):
        self.start()
        greedy, modest = self.user(), self.user()
        jobs = [self.make("echo", client=greedy, queue=f"q{n}") for n in range(100)]
        for job in jobs:
            self.when(job, "succeeded")
        refused = greedy.post("/jobs", {"type": "echo", "queue": "one-more"})
        self.assertIn("queue", self.assert_problem(refused, 422)["details"])
        self.make("echo", client=greedy, queue="q7")
        self.make("echo", client=modest, queue="one-more")


class Streams(JobCalls, SharedServerTest):
    def stream(self, job, headers=None, **query):
        made = Stream(self.shared, self.client.key, headers, path=f"/jobs/{job}/events", **query)
        self.addCleanup(made.close)
        return made

    def test_follow_a_job_to_its_end(self):
        job = self.make("sleep", {"ms": 1_000})
        events = self.stream(job).rest()
        topics = [topic for _, topic, _ in events]
        self.assertEqual(topics[0], "job")
        self.assertEqual(events[0][2]["id"], job)
        self.assertEqual(topics[-1], "job.succeeded")
        self.assertIn("job.progress", topics)
        progress = [event["data"]["progress"]["current"] for _, topic, event in events
                    if topic == "job.progress"]
        self.assertEqual(progress, sorted(progress))
        # Progress is shown, but not every step of it.
        self.assertLess(len(progress), 10)

    def test_resume_and_say_when_there_is_no_more(self):
        job = self.make("echo")
        self.when(job, "succeeded")
        events = self.stream(job, after="0").rest()
        self.assertEqual([topic for _, topic, _ in events],
                         ["job.created", "job.started", "job.succeeded"])
        rest = self.stream(job, {"Last-Event-ID": events[0][0]}).rest()
        self.assertEqual(rest, events[1:])
        end = self.client.get(f"/jobs/{job}/events", headers={"Last-Event-ID": events[-1][0]})
        self.assertEqual(end.status, 204)

    def test_of_a_job_that_is_over_show_it_and_end(self):
        job = self.make("echo", {"a": 1})
        self.when(job, "succeeded")
        connection = self.shared.connect()
        self.addCleanup(connection.close)
        connection.request("GET", f"/jobs/{job}/events",
                           headers={"Authorization": "Bearer " + self.client.key})
        text = connection.getresponse().read().decode()
        self.assertIn("event: job\n", text)
        self.assertIn('"status":"succeeded"', text)

    def test_are_opened_by_a_ticket(self):
        job = self.make("echo")
        self.when(job, "succeeded")
        ticket = self.client.post("/auth/tickets").json["ticket"]
        path = f"/jobs/{job}/events?ticket={ticket}"
        self.assertEqual(self.shared.client("").get(path).status, 200)
        self.assert_problem(self.shared.client("").get(path), 401)

    def test_of_no_job_are_not_found(self):
        self.assert_problem(self.client.get(f"/jobs/{new_id()}/events"), 404)


class Crashes(JobCalls, BlackBoxTest):
    def setUp(self):
        super().setUp()
        self.shared = self.server("--jobs-queues", "narrow=1").start()
        self.client = self.shared.client()

    def crash(self):
        self.shared.kill()
        self.shared.start()
        self.client = self.shared.client()

    def test_running_jobs_run_again_and_waiting_ones_wait(self):
        running = self.make("sleep", {"ms": 1_500}, queue="narrow")
        waiting = [self.make("echo", {"n": n}, queue="narrow") for n in range(3)]
        later = self.make("echo", delay_ms=1_000)
        self.when(running, "running")
        self.crash()
        done = self.when(running, "succeeded")
        self.assertEqual(done["attempts"], 2)
        self.assertEqual(self.outcomes(running), ["succeeded", "interrupted"])
        for n, job in enumerate(waiting):
            self.assertEqual(self.when(job, "succeeded")["result"], {"n": n})
        self.when(later, "succeeded")
        wait_until(lambda: self.stats_of("narrow")["succeeded"] == 4)
        stats = self.stats_of("narrow")
        self.assertEqual((stats["queued"], stats["running"]), (0, 0))

    def test_a_cancelled_job_stays_cancelled(self):
        job = self.make("sleep", {"ms": 600_000})
        self.when(job, "running")
        self.assertEqual(self.client.post(f"/jobs/{job}/cancel").status, 200)
        self.crash()
        self.when(job, "cancelled")
        self.when(self.make("echo"), "succeeded")

    def test_killed_again_and_again_no_job_and_no_place_is_lost(self):
        jobs = []
        for round_number in range(6):
            for n in range(10):
                jobs.append(self.make("sleep", {"ms": 20 * n}, queue="narrow" if n % 3 else "wide"))
            time.sleep(0.05 * round_number)
            self.crash()
        for job in jobs:
            self.when(job, "succeeded")
        wait_until(lambda: self.stats_of("narrow")["running"] == 0)
        sums = [self.stats_of(queue) for queue in ("narrow", "wide")]
        self.assertEqual(sum(one["succeeded"] for one in sums), len(jobs))
        self.assertEqual([(one["queued"], one["running"]) for one in sums], [(0, 0), (0, 0)])
        self.assertEqual(self.client.get("/dead-letters").json["items"], [])

    def test_a_stop_in_order_puts_running_jobs_back(self):
        job = self.make("sleep", {"ms": 4_000})
        self.when(job, "running")
        began = time.monotonic()
        self.assertEqual(self.shared.stop(), 0)
        self.assertLess(time.monotonic() - began, 10)
        self.shared.start()
        self.client = self.shared.client()
        self.assertEqual(self.when(job, "succeeded")["attempts"], 2)


class Retention(JobCalls, BlackBoxTest):
    def test_finished_jobs_are_removed_for_good(self):
        self.shared = self.server("--jobs-retention", "100ms").start()
        self.client = self.shared.client()
        job = self.make("echo")
        wait_until(lambda: self.client.get(f"/jobs/{job}").status == 404)
        self.assertEqual(self.client.get("/jobs").json["items"], [])
        # All that is left is that it was: its past went with it.
        journal = f"/durable-objects/job/{job}/journal"
        wait_until(lambda: [record["command"] for record in self.client.get(journal).json["items"]]
                   == ["$purge"])


if __name__ == "__main__":
    unittest.main()
