# SPDX-License-Identifier: Apache-2.0
"""Names and texts of clients through the real server: what stands in a URL, in an error, in an
event, in a list, and what comes back."""

import base64
import unicodedata
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import quote, unquote, urljoin, urlsplit

from event_stream import Stream
from harness import BlackBoxTest, SharedServerTest, run, wait_until
from websocket import WebSocket

API = "/api/v1"
OBJECTS = API + "/durable-objects"
# Allowed, and hard on whoever builds or reads URLs.
STRANGE = ["a b", "é", "e\u0301", "a/b", "a%2Fb", "100%", "a?b=c", "a#b", "a;b", "a:b", "a\\b", "~",
           "...", "a..", ".a", "%", "%41", "'\"<>", "+", "&=", "[x]", "日本", "😀", "-", "alarms",
           "%2e.x", "runs", "me"]
# What parsers of URLs take out of a path (WHATWG URL, "double-dot URL path segment").
FOLDED = [".", "..", "%2e", "%2E", ".%2e", "%2e.", "%2E%2e", "%2e%2E"]


def folded(url):
    """The path that a client asks for: dots are folded before and after it is decoded once."""
    path = urlsplit(urljoin("http://h/", url)).path
    parts = []
    for part in path.split("/"):
        if unquote(part) == ".." or part.lower() in ("%2e%2e", ".%2e", "%2e."):
            parts = parts[:-1]
        elif unquote(part) != "." and part.lower() != "%2e":
            parts.append(part)
    return "/".join(parts)


class Locations(SharedServerTest):
    def follow(self, reply):
        """What the Location names, as a client with a parser of URLs reaches it."""
        self.assertEqual(reply.status, 201, reply)
        location = reply.headers["Location"]
        self.assertEqual(folded(location), location)
        found = self.client.get(folded(location))
        self.assertEqual(found.status, 200, (location, found))
        return found.json

    def test_lead_to_what_was_made_whatever_it_is_called(self):
        for name in STRANGE:
            path = f"{OBJECTS}/counter/{quote(name, safe='')}"
            self.assertEqual(self.client.post(path + "/request", {"command": "add"}).status, 200)
            alarm = self.client.post(path + "/alarms", {"name": name, "command": "add",
                                                        "after_ms": 3_600_000})
            self.assertEqual(self.follow(alarm)["name"], name)
            snapshot = self.client.post(path + "/snapshots", {"name": name})
            self.follow(snapshot)
            clone = self.client.post(path + "/clone", {"id": name + "~"})
            self.assertEqual(self.follow(clone)["id"], name + "~")
            made = self.client.post(OBJECTS, {"kind": "counter", "id": name + "+"})
            self.assertEqual(self.follow(made)["id"], name + "+")
            exported = self.client.get(path + "/export").body
            imported = self.client.post(OBJECTS + "/import", raw=exported,
                                        query={"id": name + "="},
                                        headers={"Content-Type": "application/x-ndjson"})
            self.assertEqual(self.follow(imported)["id"], name + "=")
            self.assertEqual(self.client.delete(alarm.headers["Location"]).status, 204)
            self.assertEqual(self.client.get(path).status, 200)

    def test_are_given_by_no_other_routes_than_those_that_are_walked_here(self):
        """A new route that makes something by a client's name belongs into the walk."""
        walked = {f"{OBJECTS}/{{kind}}/{{id}}/{last}" for last in ("alarms", "clone", "snapshots")}
        imports = {OBJECTS, OBJECTS + "/import"}
        document = self.client.get("/openapi.json").json
        # Their ids are UUIDs, and so are those of whatever can be brought back.
        with_ids_of_the_server = {"/api-keys", "/jobs", "/conversations/{id}/messages"} | {
            path.rsplit("/", 2)[0] for path in document["paths"] if path.endswith("_id}/restore")
            or path.endswith("{id}/restore")}
        with_ids_of_the_server -= {"/durable-objects/{kind}"}
        making = {path for path, methods in document["paths"].items()
                  if "Location" in methods.get("post", {}).get("responses", {})
                                          .get("201", {}).get("headers", {})}
        self.assertEqual({p.split("/api/v1", 1)[-1] for p in making} - {
            p.split("/api/v1", 1)[-1] for p in with_ids_of_the_server | walked | imports}, set())

    def test_are_refused_to_names_that_urls_cannot_hold(self):
        counter = f"{OBJECTS}/counter/plain"
        self.assertEqual(self.client.post(counter + "/request", {"command": "add"}).status, 200)
        for name in FOLDED:
            alarm = self.client.post(counter + "/alarms", {"name": name, "command": "add",
                                                           "after_ms": 3_600_000})
            problem = self.assert_problem(alarm, 422, "validation_failed")
            self.assertEqual(problem["errors"][0]["pointer"], "/name")
            clone = self.client.post(counter + "/clone", {"id": name})
            self.assert_problem(clone, 422, "validation_failed")
            path = f"{OBJECTS}/counter/{quote(name, safe='').replace('.', '%2e')}/request"
            self.assert_problem(self.client.post(path, {"command": "add"}), 422)
            made = self.client.post(OBJECTS, {"kind": "counter", "id": name})
            self.assert_problem(made, 422, "validation_failed")
            steps = {"steps": [{"kind": "counter", "id": name, "command": "add"}]}
            self.assert_problem(self.client.post(OBJECTS + "/transact", steps), 422)
        self.assertEqual(self.client.get(counter).status, 200)


class ClientIds(SharedServerTest):
    def setUp(self):
        super().setUp()
        self.talk = self.client.post(API + "/conversations", {}).json["id"]
        self.messages = f"{API}/conversations/{self.talk}/messages"

    def say(self, content, client_id="1", query=None, **more):
        return self.client.post(self.messages,
                                {"content": content, "client_id": client_id, **more}, query=query)

    def contents(self):
        return [one["content"] for one in self.client.get(self.messages).json["items"]]

    def test_stand_for_one_message_and_are_refused_to_another(self):
        first = self.say("one")
        self.assertEqual(first.status, 201)
        self.assertEqual(self.say("one").json, first.json)
        for other in ({"content": "two"}, {"content": "one", "role": "system"},
                      {"content": "one", "metadata": {"a": 1}}):
            problem = self.assert_problem(self.say(**other), 422, "client_id_reused")
            self.assertEqual(problem["errors"][0]["pointer"], "/client_id")
        self.assertEqual(self.contents(), ["one"])

    def test_belong_to_the_device_that_says_which_it_is(self):
        self.say("phone", device_id="phone")
        self.say("laptop", query={"device_id": "laptop"})
        self.say("somewhere")
        self.assertEqual(self.say("laptop", device_id="laptop").json["seq"], 2)
        self.assertEqual(self.say("phone", query={"device_id": "phone"}).json["seq"], 1)
        self.assertEqual(self.say("phone", query={"device_id": "phone"}, device_id="phone")
                         .json["seq"], 1)
        problem = self.assert_problem(self.say("phone", query={"device_id": "phone"},
                                               device_id="laptop"), 422)
        self.assertEqual(problem["errors"][0]["pointer"], "device_id")
        self.assert_problem(self.say("phone", device_id="laptop"), 422, "client_id_reused")
        self.assertEqual(self.contents(), ["phone", "laptop", "somewhere"])
        self.assertNotIn("device_id", self.client.get(self.messages).json["items"][0])

    def test_are_refused_through_a_socket_by_an_error_frame(self):
        path = f"{API}/chat/{self.talk}"
        sockets = [WebSocket(self.shared, self.client.key, path + query)
                   for query in ("?device_id=a", "?device_id=b", "?device_id=a")]
        for socket in sockets:
            self.addCleanup(socket.close)

        def answer(socket, content):
            socket.send({"type": "message", "content": content, "client_id": "1"})
            while True:
                frame = socket.next()
                if frame["type"] in ("ack", "error"):
                    return frame

        self.assertEqual(answer(sockets[0], "one")["seq"], 1)
        self.assertEqual(answer(sockets[1], "two")["seq"], 2)
        self.assertEqual(answer(sockets[2], "one")["seq"], 1)
        refused = answer(sockets[2], "three")
        self.assertEqual((refused["type"], refused["code"], refused["client_id"]),
                         ("error", "client_id_reused", "1"))
        self.assertEqual(self.contents(), ["one", "two"])


class Texts(SharedServerTest):
    def test_sort_whole_by_code_points_of_their_normal_form(self):
        begin = "x" * 460
        titles = [begin + end for end in ("b", "a\u0308", "ä", "a", "z", "😀", "\u0001")]
        titles += ["日" * 499 + end for end in "cab"]
        want = sorted(titles, key=lambda text: unicodedata.normalize("NFC", text))
        for path in (API + "/notebooks", API + "/conversations"):
            for title in titles:
                self.assertEqual(self.client.post(path, {"title": title}).status, 201)
            for sort, expected in (("title", want), ("-title", want[::-1])):
                found, cursor = [], None
                while True:
                    query = {"sort": sort, "limit": 2, **({"cursor": cursor} if cursor else {})}
                    page = self.client.get(path, query=query)
                    self.assertEqual(page.status, 200, page)
                    found += [one["title"] for one in page.json["items"] if one["title"]]
                    cursor = page.json["next_cursor"]
                    if cursor is None:
                        break
                normal = [unicodedata.normalize("NFC", text) for text in found]
                self.assertEqual(normal, [unicodedata.normalize("NFC", t) for t in expected])

    def test_in_errors_are_pointed_at_by_escaped_pointers_and_plain_details(self):
        for name in ("a/b", "a~b", "~1", "~0", "a.b", "/"):
            pointer = "/" + name.replace("~", "~0").replace("/", "~1")
            for path, body in ((API + "/notebooks", {"title": "t", name: 1}),
                               (f"{OBJECTS}/counter/p/request",
                                {"command": "add", "payload": {name: 1}}),
                               (API + "/jobs", {"type": "sleep", "payload": {"ms": 1, name: 1}}),
                               (API + "/jobs", {"type": "http",
                                                "payload": {"url": "http://h", name: 1}})):
                problem = self.assert_problem(self.client.post(path, body), 422)
                found = problem["errors"][0]["pointer"]
                self.assertTrue(found.endswith(pointer), (path, found, pointer))
                inside = found[1:-len(pointer)]
                detail = f"{inside}.{name}" if inside else name
                self.assertEqual(list(problem["details"]), [detail])

    def test_of_the_source_of_an_event_are_a_uri_reference(self):
        for name in ("a b", "é", "100%", "a/b", "a?b#c"):
            path = f"{OBJECTS}/conversation/{quote(name, safe='')}/request"
            made = self.client.post(path, {"command": "create", "payload": {}})
            self.assertEqual(made.status, 200, made)
            stream = Stream(self.shared, self.client.key, after=0, topics="conversation.created")
            self.addCleanup(stream.close)
            event = next(event for _, _, event in iter(stream.next, None)
                         if event["data"]["id"] == name)
            self.assertEqual(event["source"], "/conversation/" + quote(name, safe=""))


class Numbers(SharedServerTest):
    def test_without_a_fraction_are_integers_however_they_are_written(self):
        counter = f"{OBJECTS}/counter/numbers"
        added = self.client.post(counter + "/request",
                                 raw=b'{"command": "add", "payload": {"by": 5.0}}')
        self.assertEqual((added.status, added.json), (200, 5))
        alarm = self.client.post(counter + "/alarms", raw=(
            b'{"name": "n", "command": "add", "every_ms": 60000.0, "payload": {"by": 1e1},'
            b' "retry": {"attempts": 3.0, "backoff_ms": 1e3}}'))
        self.assertEqual(alarm.status, 201, alarm)
        self.assertEqual(alarm.json["every_ms"], 60000)
        self.assertIn(b'"every_ms":60000,', alarm.body)
        job = self.client.post(API + "/jobs", raw=(
            b'{"type": "sleep", "payload": {"ms": 1.0}, "timeout_ms": 60000.0,'
            b' "priority": 3.0}'))
        self.assertEqual(job.status, 201, job)
        self.assertIn(b'"timeout_ms":60000,', job.body)
        wait_until(lambda: self.client.get(f"{API}/jobs/{job.json['id']}").json["status"]
                   == "succeeded")
        for refused in (b"5.5", b"1e400", b"9223372036854775808", b"1e30"):
            reply = self.client.post(counter + "/request", raw=(
                b'{"command": "add", "payload": {"by": ' + refused + b'}}'))
            self.assertIn(reply.status, (400, 422), (refused, reply))


class Requests(SharedServerTest):
    def test_have_bodies_in_utf8_under_all_its_names(self):
        for charset in ("utf-8", "UTF-8", "utf8", "UTF8", '"utf-8"', '"UTF8"'):
            reply = self.client.post(API + "/notebooks", {"title": "t"}, headers={
                "Content-Type": f"application/json; charset={charset}"})
            self.assertEqual(reply.status, 201, (charset, reply))
        for charset in ("latin1", "utf-16", "utf-88", "", '"utf-8'):
            reply = self.client.post(API + "/notebooks", {"title": "t"}, headers={
                "Content-Type": f"application/json; charset={charset}"})
            self.assert_problem(reply, 415)

    def test_show_an_api_key_beside_credentials_of_another_scheme(self):
        key = self.client.key
        basic = "Basic " + base64.b64encode(b"proxy:secret").decode()
        stranger = self.shared.client(key="")
        for headers, status in (
                ({"X-API-Key": key, "Authorization": basic}, 200),
                ({"X-API-Key": key, "Authorization": "Digest a=b"}, 200),
                ({"X-API-Key": key}, 200),
                ({"Authorization": "bearer  " + key}, 200),
                ({"Authorization": "Bearer " + key, "X-API-Key": "pdk_wrong"}, 200),
                ({"Authorization": "Bearer pdk_wrong", "X-API-Key": key}, 401),
                ({"Authorization": basic}, 401),
                ({"Authorization": "Bearer", "X-API-Key": key}, 401),
                ({"Authorization": key}, 401)):
            self.assertEqual(stranger.get(API + "/notebooks", headers=headers).status, status,
                             headers)


class Addresses(SharedServerTest):
    def test_of_people_may_be_in_any_script(self):
        users = API + "/users"
        made = self.client.post(users, {"email": "jo\u0308rg@bücher.example"})
        self.assertEqual(made.status, 201, made)
        self.assertEqual(made.json["email"], "jörg@xn--bcher-kva.example")
        taken = self.client.post(users, {"email": "jörg@BÜCHER.example"})
        self.assert_problem(taken, 409)
        kept = self.client.post(users, {"email": "Ann@Example.org"})
        self.assertEqual(kept.json["email"], "Ann@Example.org")
        for bad in ("a@b\u00fc..example", "@bücher.example", "a@\u2488com", "a b@ü.example",
                    "a@-ü.example", "jörg@", "ö" * 40 + "@example.org"):
            self.assert_problem(self.client.post(users, {"email": bad}), 422)


class Answerer(BaseHTTPRequestHandler):
    def do_GET(self):
        body = ("x" + "é" * 600).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Answers(BlackBoxTest):
    def test_that_are_cut_stay_text(self):
        target = ThreadingHTTPServer(("127.0.0.1", 0), Answerer)
        Thread(target=target.serve_forever, daemon=True).start()
        self.addCleanup(target.server_close)
        self.addCleanup(target.shutdown)
        client = self.server("--http-client-allow-networks", "127.0.0.0/8").start().client()
        for bytes_max in (100, 101):
            job = client.post(API + "/jobs", {"type": "http", "payload": {
                "url": f"http://127.0.0.1:{target.server_port}/", "response_bytes_max": bytes_max,
                "truncate": True}})
            self.assertEqual(job.status, 201, job)
            path = f"{API}/jobs/{job.json['id']}"
            wait_until(lambda path=path: client.get(path).json["status"] == "succeeded")
            result = client.get(path).json["result"]
            self.assertTrue(result["truncated"])
            self.assertEqual(result["body"], "x" + "é" * ((bytes_max - 1) // 2))


class Listening(BlackBoxTest):
    def test_takes_a_name_of_this_machine(self):
        server = self.server("--listen", "localhost:0").start()
        self.assertRegex(server.lines[-1], r"^listening on http://localhost:\d+$")
        self.assertEqual(server.client().get("/health/live").status, 200)

    def test_refuses_a_name_that_this_machine_does_not_have(self):
        ended = run("serve", "--data-dir", self.path("data"), "--listen", "nowhere.invalid:0")
        self.assertEqual(ended.returncode, 2, ended)
        self.assertIn("nowhere.invalid", ended.stderr)


class Schedules(SharedServerTest):
    def test_by_cron_take_tabs_and_the_repeated_hour(self):
        counter = f"{OBJECTS}/counter/cron"
        self.client.post(counter + "/request", {"command": "add"})
        made = self.client.post(counter + "/alarms", {
            "name": "cron", "command": "add", "cron": "*\t*  *\t* *",
            "time_zone": "Europe/Berlin"})
        self.assertEqual(made.status, 201, made)


if __name__ == "__main__":
    unittest.main()
