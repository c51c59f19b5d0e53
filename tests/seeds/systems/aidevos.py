# SPDX-License-Identifier: Apache-2.0
"""AIDevOS: a system of durable objects, with users, projects and stored data."""

import catalogue
from catalogue import NOTHING, item_of
from checks import objects, operating, people, system, talk, work
from nouns import create, delete, listing, read, update
from parts import AUDIT, CACHE, CLUSTER, DATA, PLANNING, SECOND_FACTOR, SIGN_IN, SYSTEM_OBJECTS
from rows import System, behaviour, endpoint, endpoints, field, fields, section, server_fields
from trials import Check, Endpoint, Metric, ProjectFile, Setting

USER = catalogue.user()
PROJECT = catalogue.project()
TASK = catalogue.task()
DO = "/durable-objects"
ONE = DO + "/{object_id}"

FRAMEWORK = section(
    "durable objects framework",
    behaviour("object.isolated", "objects keep apart", Check(objects.own_state)),
    behaviour("object.state", "an object has a state of its own", Check(objects.persistent)),
    behaviour("object.requests", "an object answers requests", Check(objects.request_object)),
    behaviour("framework.base", "what all objects share",
              ProjectFile("runtime/include/perdure/runtime/kind.hpp", "class")),
    behaviour("framework.registry_types", "a registry of types", Check(objects.kinds)),
    behaviour("framework.registry_instances", "a registry of objects",
              Check(objects.list_objects)),
    behaviour("framework.router", "requests find their objects", Check(objects.routing)),
    behaviour("framework.event_bus", "objects hear of events", Check(talk.event_log)),
    behaviour("framework.messages", "objects send each other messages",
              Check(talk.messages_between_objects)),
)

MODELS = section(
    "database models",
    behaviour("models.abstraction", "the database stands behind an interface",
              ProjectFile("storage/include/perdure/storage/store.hpp", "class")),
    server_fields("user", USER, "id", "created_at", "updated_at"),
    field("user.username", Check(people.unique("username", "seeds.aidevos", "Seeds.AIDevOS"))),
    fields("user", USER, {"full_name": ("Ada", 7), "metadata": ({"x": 1}, [])}),
    field("user.password", Endpoint("POST", "/auth/login"), "signs in", waits=SIGN_IN),
    server_fields("project", PROJECT, "id", "user_id", "created_at", "updated_at"),
    fields("project", PROJECT, {"name": ("House", 7), "metadata": ({"x": 1}, [])}),
    field("project.members", Endpoint("GET", "/projects/{id}/members"), waits=PLANNING),
    *(field(f"durable_object.{member}", Check(objects.view_has(member)))
      for member in ("object_id", "kind", "state", "seq", "status", "created_at", "updated_at")),
    *(field(f"api_key.{member}", Check(check))
      for member, check in (("name", people.key_has("name", "mine", 7)),
                            ("expires_at", people.key_expiry),
                            ("rate_limit", system.rate_limiting),
                            ("last_used_at", people.key_use))),
    field("api_key.scopes", Check(people.known_scopes)),
    server_fields("task", TASK, "id", "created_at", "updated_at"),
    fields("task", TASK, {"title": ("Buy milk", 7), "status": ("in_progress", "begun"),
                          "project_id": (item_of(PROJECT), NOTHING)}),
)

SPECIALIZED = section(
    "specialized durable objects",
    *(behaviour(f"{kind}.{name}", f"a request of `{kind}`", objects.AnswersAs(kind, name),
                waits=SYSTEM_OBJECTS)
      for kind, names in (
          ("authentication", ("login", "refresh", "logout", "verify")),
          ("user_management", ("get", "list", "update", "activate", "deactivate")),
          ("data_storage", ("list", "get", "put", "delete")),
          ("api_gateway", ("routes", "usage", "keys")))
      for name in names),
)

SERVICES = section(
    "API service layer",
    behaviour("router.base", "one table of routes", Check(system.openapi)),
    behaviour("router.auth", "authentication", Endpoint("POST", "/auth/login"), waits=SIGN_IN),
    behaviour("router.users", "users", Check(people.put_user)),
    behaviour("router.data", "stored data", Endpoint("GET", "/data/collections"), waits=DATA),
    endpoints(listing(PROJECT), create(PROJECT), read(PROJECT), update(PROJECT), delete(PROJECT)),
    endpoint(Endpoint("POST", "/projects/{id}/members"), waits=PLANNING),
    behaviour("router.objects", "durable objects", Check(objects.get_object)),
)

FLOWS = section(
    "architecture diagrams",
    behaviour("flow.request", "a request reaches its object and is answered",
              Check(objects.routing)),
    behaviour("flow.registry", "an object is found by its name", Check(objects.list_objects)),
    behaviour("flow.store", "an object reaches the store", Check(objects.persistent)),
    behaviour("pipeline.authentication", "a client is known first",
              Check(system.authentication)),
    behaviour("pipeline.rate_limiting", "then its rate is looked at",
              Check(system.rate_limiting)),
    behaviour("pipeline.validation", "then the body", Check(system.validation)),
    behaviour("pipeline.events", "events are published", Check(talk.live_updates)),
    behaviour("pipeline.async", "work goes on afterwards", Check(work.submission)),
    behaviour("pipeline.responses", "replies have one form", Check(system.problems)),
)

ACCOUNTS = section(
    "endpoints: authentication and users",
    behaviour("openapi", "the API is documented as OpenAPI", Check(system.openapi)),
    endpoints(Endpoint("POST", "/auth/login"), Endpoint("POST", "/auth/register"),
              Endpoint("POST", "/auth/refresh"), Endpoint("POST", "/auth/logout"), waits=SIGN_IN),
    endpoint(Endpoint("GET", "/users", people.list_users, admin=True)),
    endpoint(Endpoint("GET", "/users/{user_id}", people.get_user)),
    endpoint(Endpoint("PUT", "/users/{user_id}", people.put_user)),
    endpoint(Endpoint("POST", "/users/{user_id}/deactivate", people.deactivate, admin=True)),
    endpoint(Endpoint("POST", "/users/{user_id}/activate", people.activate, admin=True)),
)

STORED = section(
    "endpoints: data storage",
    endpoints(Endpoint("GET", "/data/collections"), Endpoint("GET", "/data/collections/{name}"),
              Endpoint("POST", "/data/collections/{name}"),
              Endpoint("GET", "/data/collections/{name}/{item_id}"),
              Endpoint("PUT", "/data/collections/{name}/{item_id}"),
              Endpoint("DELETE", "/data/collections/{name}/{item_id}"), waits=DATA),
)

OBJECTS = section(
    "endpoints: durable objects",
    endpoint(Endpoint("GET", DO, objects.list_objects, admin=True)),
    endpoint(Endpoint("POST", DO, objects.create_object, admin=True)),
    endpoint(Endpoint("GET", ONE, objects.get_object, admin=True)),
    endpoint(Endpoint("PUT", ONE, objects.put_object, admin=True)),
    endpoint(Endpoint("DELETE", ONE, objects.delete_object, admin=True)),
    endpoint(Endpoint("POST", ONE + "/request", objects.request_object, admin=True)),
)

SECURITY = section(
    "security features",
    behaviour("security.access_tokens", "access tokens", Endpoint("POST", "/auth/login"),
              waits=SIGN_IN),
    behaviour("security.refresh_tokens", "refresh tokens", Endpoint("POST", "/auth/refresh"),
              waits=SIGN_IN),
    behaviour("security.roles", "roles decide about endpoints", Check(people.roles)),
    behaviour("security.api_keys", "keys for programs", Check(people.api_keys)),
    behaviour("security.permissions", "keys with fine permissions", Check(people.scopes)),
    behaviour("security.walls", "a key reaches nothing that it was not given",
              Check(people.walls)),
    behaviour("security.rate_limiting", "rates are bounded", Check(system.rate_limiting)),
    behaviour("security.csrf", "forged requests of other pages are refused",
              Endpoint("POST", "/auth/login"), waits=SIGN_IN),
    behaviour("security.sanitization", "text is never code", Check(system.injection)),
)

STORAGE = section(
    "database storage",
    behaviour("storage.memory", "a store in memory for development", Check(system.in_memory)),
    behaviour("storage.persistent", "a persistent store", Check(objects.persistent)),
    behaviour("storage.postgresql", "PostgreSQL", Setting("store"), waits=CLUSTER),
    behaviour("storage.documents", "documents", Endpoint("GET", "/data/collections"), waits=DATA),
    behaviour("storage.caching", "a cache, and storage for a time",
              Endpoint("PUT", "/cache/user:profile:1"), waits=CACHE),
)

PERFORMANCE = section(
    "performance",
    behaviour("performance.async", "operations do not wait for each other",
              Check(objects.asynchronous)),
    behaviour("performance.state", "objects have their state at hand",
              Metric("perdure_objects_active", "kind")),
    behaviour("performance.hibernation", "idle objects leave memory", Check(objects.hibernation)),
    behaviour("performance.events", "objects are joined loosely by events",
              Check(talk.event_log)),
    behaviour("performance.caching", "what is asked for often is cached",
              Endpoint("GET", "/cache/stats"), waits=CACHE),
)

DEVELOPMENT = section(
    "development and testing",
    behaviour("run.install", "dependencies are installed by a command",
              ProjectFile("scripts/install", "--help")),
    behaviour("run.serve", "the service is started by a command",
              ProjectFile("scripts/serve", "--help")),
    behaviour("run.openapi", "the OpenAPI document is written by a command",
              Check(system.openapi)),
)

NEXT = section(
    "next steps",
    behaviour("next.adapters", "adapters for other stores", Setting("store"), waits=CLUSTER),
    behaviour("next.tests", "tests that cover it", ProjectFile("tests/README.md", "blackbox")),
    behaviour("next.objects", "more kinds of objects", Check(objects.kinds)),
    behaviour("next.mfa", "a second factor", Endpoint("POST", "/auth/mfa/totp"),
              waits=SECOND_FACTOR),
    behaviour("next.monitoring", "monitoring", Check(system.prometheus)),
    behaviour("next.logging", "logging", Check(operating.json_lines)),
    behaviour("next.audit", "what administrators do is logged", Endpoint("GET", "/audit"),
              waits=AUDIT),
)

AIDEVOS = System("aidevos", "AIDevOS", FRAMEWORK, MODELS, SPECIALIZED, SERVICES, FLOWS, ACCOUNTS,
                 STORED, OBJECTS, SECURITY, STORAGE, PERFORMANCE, DEVELOPMENT, NEXT)
