# SPDX-License-Identifier: Apache-2.0
"""The conventions of the REST surface, seen from outside."""

import gzip
import json
import re
import threading
import unittest
import uuid

from harness import SharedServerTest, new_id

RFC3339 = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


class Resources(SharedServerTest):
    def notebook(self, title="Notes", **members):
        reply = self.client.post("/api/v1/notebooks", {"title": title, **members})
        self.assertEqual(reply.status, 201, reply)
        return reply

    def test_create_answers_the_resource_and_where_it_is(self):
        reply = self.notebook(tags=["a"], metadata={"mine": [1]})
        body = reply.json
        self.assertEqual(reply.headers["Location"], "/api/v1/notebooks/" + body["id"])
        self.assertEqual(uuid.UUID(body["id"]).version, 7)
        for member in ("user_id", "organization_id", "created_by", "updated_by"):
            self.assertIn(member, body)
        self.assertRegex(body["created_at"], RFC3339)
        self.assertEqual(body["metadata"], {"mine": [1]})
        self.assertEqual(self.client.get(reply.headers["Location"]).json, body)

    def test_paths_without_version_are_the_same_routes(self):
        notebook = self.notebook().json["id"]
        for prefix in ("", "/api", "/api/v1"):
            self.assertEqual(self.client.get(f"{prefix}/notebooks/{notebook}").status, 200)

    def test_update_keeps_what_is_left_out_and_null_clears(self):
        path = self.notebook(description="words", tags=["a"]).headers["Location"]
        for method in ("PATCH", "PUT"):
            changed = self.client.call(method, path, body={"title": method})
            self.assertEqual(changed.status, 200, changed)
            self.assertEqual(changed.json["description"], "words")
        self.assertIsNone(self.client.patch(path, {"description": None}).json["description"])

    def test_unknown_members_are_422_and_own_ones_sent_back_are_ignored(self):
        problem = self.assert_problem(
            self.client.post("/api/v1/notebooks", {"title": "x", "titel": "y"}), 422,
            "validation_failed")
        self.assertIn("titel", problem["details"])
        self.assertEqual(problem["errors"][0]["pointer"], "/titel")
        created = self.notebook()
        body = {**created.json, "title": "new"}
        self.assertEqual(self.client.put(created.headers["Location"], body).status, 200)

    def test_delete_is_soft_and_can_be_undone(self):
        path = self.notebook("Gone").headers["Location"]
        self.assertEqual(self.client.delete(path).status, 204)
        self.assert_problem(self.client.get(path), 404)
        deleted = self.client.get("/api/v1/notebooks", query={"deleted": "true"}).json["items"]
        self.assertIn("Gone", [item["title"] for item in deleted])
        self.assertLess(self.client.post(path + "/restore").status, 300)
        self.assertEqual(self.client.get(path).status, 200)

    def test_etag_guards_reads_and_writes(self):
        created = self.notebook()
        path = created.headers["Location"]
        etag = self.client.get(path).headers["ETag"]
        self.assertRegex(etag, r'^"\d+"$')
        unchanged = self.client.get(path, headers={"If-None-Match": etag})
        self.assertEqual((unchanged.status, unchanged.body), (304, b""))
        fits = self.client.patch(path, {"title": "second"}, headers={"If-Match": etag})
        self.assertEqual(fits.status, 200)
        stale = self.client.patch(path, {"title": "third"}, headers={"If-Match": etag})
        self.assert_problem(stale, 412)
        self.assertEqual(self.client.get(path).json["title"], "second")
        self.assertNotEqual(fits.headers["ETag"], etag)

    def test_lists_are_walked_by_cursor_without_gap_or_repeat(self):
        path = self.notebook().headers["Location"] + "/pages"
        made = [self.client.post(path, {"title": f"page {n}", "content": ""}).json["id"]
                for n in range(25)]
        seen, cursor = [], None
        while True:
            query = {"limit": 10, **({"cursor": cursor} if cursor else {})}
            reply = self.client.get(path, query=query)
            seen += [item["id"] for item in reply.json["items"]]
            cursor = reply.json["next_cursor"]
            self.assertEqual('rel="next"' in reply.headers.get("Link", ""), cursor is not None)
            if cursor is None:
                break
        self.assertEqual(sorted(seen), sorted(made))
        self.assertEqual(len(seen), 25)

    def test_unknown_filters_and_sorts_are_422(self):
        for query in ({"colour": "red"}, {"sort": "colour"}, {"sort": "-description"},
                      {"deleted": "true", "sort": "colour"}):
            self.assert_problem(self.client.get("/api/v1/notebooks", query=query), 422)
        self.assertEqual(
            self.client.get("/api/v1/notebooks", query={"sort": "-title", "tag": "a"}).status, 200)


class Once(SharedServerTest):
    def test_key_replays_the_reply(self):
        headers = {"Idempotency-Key": new_id()}
        first = self.client.command("counter", "once", "add", {"by": 5}, headers=headers)
        again = self.client.command("counter", "once", "add", {"by": 5}, headers=headers)
        self.assertEqual((first.status, first.body), (again.status, again.body))
        self.assertEqual(again.headers["Idempotent-Replayed"], "true")
        self.assertIsNone(first.headers["Idempotent-Replayed"])
        self.assertEqual(self.client.query("counter", "once", "value").json, 5)

    def test_key_with_another_body_is_422(self):
        headers = {"Idempotency-Key": new_id()}
        self.client.command("counter", "reused", "add", {"by": 1}, headers=headers)
        self.assert_problem(
            self.client.command("counter", "reused", "add", {"by": 2}, headers=headers), 422,
            "idempotency_key_reused")

    def test_key_replays_the_view_of_an_object_whatever_became_of_it(self):
        headers = {"Idempotency-Key": new_id()}
        body = {"kind": "counter", "id": new_id()}
        first = self.client.post("/api/v1/durable-objects", body, headers=headers)
        self.assertEqual(first.status, 201)
        self.client.command("counter", body["id"], "add", {"by": 1})
        self.client.post(first.headers["Location"] + "/hibernate")
        again = self.client.post("/api/v1/durable-objects", body, headers=headers)
        self.assertEqual((again.status, again.body), (first.status, first.body))

    def test_key_replays_the_reply_whatever_became_of_its_condition(self):
        path = self.client.post("/api/v1/notebooks", {"title": "x"}).headers["Location"]
        calls = [lambda headers: self.client.command("counter", "conditioned", "add", {"by": 1},
                                                     headers={**headers, "If-None-Match": "*"}),
                 lambda headers: self.client.patch(path, {"title": "y"}, headers={
                     **headers, "If-Match": '"1", "7"'})]
        for call in calls:
            headers = {"Idempotency-Key": new_id()}
            first, again = call(headers), call(headers)
            self.assertEqual((first.status, first.body), (200, again.body), again)
            self.assertEqual(again.headers["Idempotent-Replayed"], "true")
            self.assert_problem(call({}), 412)

    def test_two_creates_at_once_with_one_key_make_one_object(self):
        for _ in range(20):
            headers = {"Idempotency-Key": new_id()}
            title = new_id()
            replies = self.at_once(
                4, lambda client, headers=headers, title=title: client.post(
                    "/api/v1/notebooks", {"title": title}, headers=headers))
            self.assertEqual({reply.status for reply in replies}, {201}, replies)
            self.assertEqual(len({reply.json["id"] for reply in replies}), 1)
            self.assertEqual(
                [item["title"] for item in self.all_notebooks()].count(title), 1)

    def test_a_condition_of_absence_lets_one_of_many_pass(self):
        for _ in range(10):
            name = new_id()
            replies = self.at_once(
                8, lambda client, name=name: client.command(
                    "counter", name, "add", {"by": 1}, headers={"If-None-Match": "*"}))
            self.assertEqual(sorted(reply.status for reply in replies), [200] + [412] * 7)
            self.assertEqual(self.client.query("counter", name, "value").json, 1)

    def at_once(self, count, ask):
        """The replies to `ask(client)` of so many clients at the same time."""
        replies = []
        barrier = threading.Barrier(count)

        def run():
            client = self.shared.client()
            barrier.wait()
            replies.append(ask(client))
            client.close()

        threads = [threading.Thread(target=run) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return replies

    def all_notebooks(self):
        items, cursor = [], None
        while True:
            query = {"limit": 500, **({"cursor": cursor} if cursor else {})}
            page = self.client.get("/api/v1/notebooks", query=query).json
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items


class Keys(SharedServerTest):
    def test_revoked_key_stops_at_once(self):
        made = self.client.post("/api/v1/api-keys", {"name": "temporary"})
        self.assertEqual(made.status, 201, made)
        holder = self.shared.client(made.json["secret"])
        self.assertEqual(holder.get("/api/v1/notebooks").status, 200)
        self.assertNotIn("secret", self.client.get(made.headers["Location"]).json)
        self.assertEqual(self.client.delete(made.headers["Location"]).status, 204)
        self.assert_problem(holder.get("/api/v1/notebooks"), 401)

    def test_scopes_hold(self):
        made = self.client.post("/api/v1/api-keys",
                                {"name": "reader", "scopes": ["notebooks:read"]}).json
        reader = self.shared.client(made["secret"])
        self.assertEqual(reader.get("/api/v1/notebooks").status, 200)
        self.assert_problem(reader.post("/api/v1/notebooks", {"title": "x"}), 403)
        self.assert_problem(reader.get("/api/v1/conversations"), 403)

    def test_both_ways_to_send_a_key_work(self):
        anonymous = self.shared.client("")
        reply = anonymous.get("/api/v1/notebooks", headers={"X-API-Key": self.shared.key})
        self.assertEqual(reply.status, 200)
        for header in ("Bearer", "Bearer ", "Basic abc", "Bearer pdk_wrong", "bearer\tx"):
            self.assert_problem(
                anonymous.get("/api/v1/notebooks", headers={"Authorization": header}), 401)


class Transport(SharedServerTest):
    def test_large_bodies_are_compressed_for_those_who_ask(self):
        path = "/api/v1/durable-objects/document/large"
        self.client.command("document", "large", "put", {"text": "words " * 1000})
        plain = self.client.get(path)
        self.assertIsNone(plain.headers["Content-Encoding"])
        packed = self.client.get(path, headers={"Accept-Encoding": "gzip"})
        self.assertEqual(packed.headers["Content-Encoding"], "gzip")
        self.assertIn("Accept-Encoding", ", ".join(packed.headers.get_all("Vary")))
        self.assertLess(len(packed.body), len(plain.body))
        self.assertIn(b"words words", gzip.decompress(packed.body))
        refused = self.client.get(path, headers={"Accept-Encoding": "gzip;q=0"})
        self.assertIsNone(refused.headers["Content-Encoding"])

    def test_request_id_is_echoed_or_made(self):
        given = self.client.get("/health", headers={"X-Request-ID": "mine-1"})
        self.assertEqual(given.headers["X-Request-ID"], "mine-1")
        self.assertEqual(uuid.UUID(self.client.get("/health").headers["X-Request-ID"]).version, 7)

    def test_head_has_the_headers_of_get_and_no_body(self):
        got = self.client.get("/info")
        head = self.client.call("HEAD", "/info")
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(head.headers["Content-Length"], got.headers["Content-Length"])

    def test_a_body_that_is_missing_or_coded_is_refused(self):
        head = b"POST /api/v1/notebooks HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" \
               b"Authorization: Bearer " + self.client.key.encode() + b"\r\n"
        self.assertTrue(self.shared.raw(head + b"\r\n").startswith(b"HTTP/1.1 411 "))
        self.assert_problem(self.client.post("/api/v1/notebooks", {"title": "x"}, headers={
            "Content-Encoding": "gzip"}), 415)

    def test_refusals_of_the_protocol_are_problems_too(self):
        for request, status, instance in (
                (b"GET /info HTTP/1.1\r\n\r\n", 400, "/info"),
                (b"BREW /pot?x=1 HTTP/1.1\r\nHost: x\r\n\r\n", 501, "/pot"),
                (b"nonsense\r\n\r\n", 400, None)):
            head, body = self.shared.raw(request).split(b"\r\n\r\n", 1)
            problem = json.loads(body)
            self.assertEqual(problem["status"], status)
            self.assertEqual(problem["instance"], instance or "#" + problem["request_id"])
            self.assertIn(b"X-Content-Type-Options: nosniff", head)

    def test_options_names_the_methods(self):
        reply = self.client.call("OPTIONS", "/api/v1/notebooks")
        self.assertLess(reply.status, 300)
        self.assertIn("POST", reply.headers["Allow"])

    def test_origins_are_closed_by_default(self):
        reply = self.client.get("/info", headers={"Origin": "https://evil.example"})
        self.assertIsNone(reply.headers["Access-Control-Allow-Origin"])

    def test_pipelined_requests_are_answered_in_order(self):
        one = b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-Request-ID: r-%d\r\n\r\n"
        last = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        answer = self.shared.raw(b"".join(one % n for n in range(10)) + last)
        ids = re.findall(rb"(?i)x-request-id: r-(\d+)", answer)
        self.assertEqual(ids, [b"%d" % n for n in range(10)])

    def test_metrics_have_the_names_that_operators_know(self):
        self.client.command("counter", "metered", "add", {"by": 1})
        text = self.client.get("/metrics").body.decode()
        for name in ("http_requests_total{", "http_request_duration_seconds_bucket{",
                     "perdure_commit_seconds_count", "perdure_commit_batch_turns_count",
                     'perdure_objects_active{kind="counter"}', "perdure_activations_total",
                     "perdure_store_disk_bytes", "perdure_store_memory_bytes",
                     "process_resident_memory_bytes"):
            self.assertIn(name, text)
        self.assertRegex(text, r"\nperdure_store_syncs_total [1-9]")
        self.assertIn("\nperdure_store_writable 1\n", text)
        self.assertRegex(text, r'http_requests_total\{[^}]*route="[^"]*\{kind\}[^"]*"')
        # As Prometheus asks.
        accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
        openmetrics = self.client.get("/metrics", headers={"Accept": accept})
        self.assertTrue(openmetrics.headers["Content-Type"].startswith(
            "application/openmetrics-text"))
        self.assertTrue(openmetrics.body.endswith(b"# EOF\n"))


class DurableObjects(SharedServerTest):
    def test_past_can_be_read_and_restored(self):
        for n in range(1, 4):
            self.assertEqual(self.client.command("counter", "timed", "add", {"by": 10}).json,
                             n * 10)
        path = "/api/v1/durable-objects/counter/timed"
        self.assertEqual(self.client.get(path).json["seq"], 3)
        past = self.client.get(path, query={"as_of": 1}).json
        self.assertEqual(past["seq"], 1)
        restored = self.client.post(path + "/snapshots/1/restore")
        self.assertLess(restored.status, 300, restored)
        self.assertEqual(self.client.query("counter", "timed", "value").json, 10)
        journal = self.client.get(path + "/journal").json["items"]
        self.assertEqual(sorted(record["seq"] for record in journal), [1, 2, 3, 4])

    def test_hibernation_is_invisible(self):
        self.client.command("counter", "sleepy", "add", {"by": 7})
        path = "/api/v1/durable-objects/counter/sleepy"
        self.assertLess(self.client.post(path + "/hibernate").status, 300)
        self.assertEqual(self.client.get(path).json["status"], "hibernated")
        self.assertEqual(self.client.command("counter", "sleepy", "add", {"by": 1}).json, 8)

    def test_deleted_ones_are_not_called_until_they_are_back(self):
        path = "/api/v1/durable-objects/counter/deleted"
        self.client.command("counter", "deleted", "add", {"by": 3})
        self.assertEqual(self.client.delete(path).status, 204)
        self.assert_problem(self.client.query("counter", "deleted", "value"), 404)
        self.assert_problem(self.client.command("counter", "deleted", "add", {"by": 1}), 404)
        self.assertLess(self.client.post(path + "/restore").status, 300)
        self.assertEqual(self.client.command("counter", "deleted", "add", {"by": 1}).json, 4)

    def test_errors_point_into_the_body_that_was_sent(self):
        def pointer(reply):
            return self.assert_problem(reply, 422)["errors"][0]["pointer"]
        wrong = {"by": "x"}
        self.assertEqual(pointer(self.client.command("counter", "p", "add", wrong)),
                         "/payload/by")
        self.assertEqual(pointer(self.client.post("/api/v1/durable-objects", {
            "kind": "counter", "state": {"value": "x"}})), "/state/value")
        steps = [{"kind": "counter", "id": "p", "command": "add", "payload": payload}
                 for payload in ({"by": 1}, wrong)]
        self.assertEqual(pointer(self.client.post("/api/v1/durable-objects/transact",
                                                  {"steps": steps})), "/steps/1/payload/by")

    def test_the_etag_of_nothing_can_be_expected(self):
        reply = self.client.query("counter", "unwritten", "value")
        self.assertEqual(reply.headers["ETag"], '"0"')
        for status in (200, 412):
            reply = self.client.command("counter", "unwritten", "add", {"by": 1},
                                        headers={"If-Match": '"0"'})
            self.assertEqual(reply.status, status, reply)

    def test_was_active_when_it_changed_at_the_latest(self):
        path = "/api/v1/durable-objects/counter/lately"
        for _ in range(3):
            self.client.command("counter", "lately", "add", {"by": 1})
            view = self.client.get(path).json
            self.assertGreaterEqual(view["last_active_at"], view["updated_at"])
        self.client.post(path + "/hibernate")
        self.assertEqual(self.client.get(path).json["last_active_at"], view["updated_at"])

    def test_alarms_heed_conditions(self):
        self.client.command("counter", "conditional", "add", {"by": 1})
        path = "/api/v1/durable-objects/counter/conditional/alarms"
        alarm = {"name": "a", "command": "add", "payload": {"by": 1}, "after_ms": 60_000}
        stale, newest = {"If-Match": '"9"'}, {"If-Match": '"1"'}
        self.assert_problem(self.client.post(path, alarm, headers=stale), 412)
        self.assertEqual(self.client.post(path, alarm, headers=newest).status, 201)
        self.assert_problem(self.client.delete(path + "/a", headers=stale), 412)
        self.assertEqual(self.client.delete(path + "/a", headers=newest).status, 204)

    def test_one_part_ids_work(self):
        self.client.command("counter", "parts", "add", {"by": 2})
        for spelling in ("counter:parts", "counter%3Aparts"):
            reply = self.client.get(f"/api/v1/durable-objects/{spelling}")
            self.assertEqual(reply.json["object_id"], "counter:parts")

    def test_unknown_kinds_and_commands_are_404(self):
        self.assert_problem(self.client.command("nokind", "x", "add"), 404)
        self.assert_problem(self.client.command("counter", "x", "nocommand"), 404)


if __name__ == "__main__":
    unittest.main(verbosity=2)
