# SPDX-License-Identifier: Apache-2.0
"""Consilium: notes, tasks, plans and chat, with agents that help."""

import catalogue
from catalogue import NOTHING, item_of
from checks import objects, operating, people, planning, system, talk, work
from nouns import create, delete, listing, read, update
from parts import (AGENTS, AI_PROVIDERS, AI_TASKS, CACHE, CLUSTER, COVERAGE, EXTERNAL_TOKENS,
                   GRAPHQL, MEMORY, MIGRATIONS, NOTES, OBSERVING, PACKAGING, PLANNING, PROXIES,
                   SIGN_IN, TRANSFER)
from rows import (System, behaviour, endpoint, endpoints, field, fields, section, server_fields,
                  values)
from trials import Check, Command, Endpoint, Field, Metric, ProjectFile, Setting

API = "/api"
USER = catalogue.user(API)
NOTE = catalogue.note(API)
TASK = catalogue.task(API)
GOAL = catalogue.goal(API)
REFLECTION = catalogue.reflection(API)
CONVERSATION = catalogue.conversation(API)
MESSAGE = catalogue.message(API)

STACK = section(
    "technology stack",
    behaviour("stack.validation", "data and settings are validated", Check(system.validation)),
    behaviour("stack.settings", "settings are managed", Check(operating.typed_settings)),
    behaviour("stack.server", "a server for production", Check(system.start_and_stop)),
    behaviour("stack.packages", "dependencies are managed",
              ProjectFile("scripts/packages", "librocksdb-dev")),
    behaviour("stack.database", "a durable database", Check(objects.persistent)),
    behaviour("stack.postgresql", "PostgreSQL", Setting("store"), waits=CLUSTER),
    behaviour("stack.migrations", "migrations", Command("migrate"), waits=MIGRATIONS),
    behaviour("stack.crews", "several agents together", Endpoint("GET", "/api/ai/crews"),
              waits=AGENTS),
    behaviour("stack.llm", "a framework for models", Setting("ai.providers"), waits=AI_PROVIDERS),
    *(behaviour(f"stack.{name}", "a client of a provider", Setting("ai.providers"),
                waits=AI_PROVIDERS)
      for name in ("openai", "anthropic", "xai", "openrouter")),
    behaviour("stack.embeddings", "embeddings of text", Endpoint("POST", "/api/ai/embeddings"),
              waits=AI_TASKS),
    behaviour("stack.vectors", "a vector database",
              instead="an index of Perdure's own takes the place of external vector stores"),
    behaviour("stack.supabase", "Supabase signs users in", Setting("auth.issuers"),
              waits=EXTERNAL_TOKENS),
    behaviour("stack.jwt", "JWTs are handled", Endpoint("POST", "/api/auth/refresh"),
              waits=SIGN_IN),
    behaviour("stack.passwords", "passwords are hashed", Endpoint("POST", "/api/auth/login"),
              waits=SIGN_IN),
    behaviour("stack.cors", "pages of other origins", Check(system.cors)),
    behaviour("stack.tests", "a framework for tests",
              ProjectFile("tests/CMakeLists.txt", "GTest")),
    behaviour("stack.coverage", "coverage is reported", ProjectFile("scripts/coverage"),
              waits=COVERAGE),
    behaviour("stack.formatting", "code is formatted", ProjectFile("scripts/format", "--help")),
    behaviour("stack.linting", "code is linted", ProjectFile("tests/lint/lint.py")),
    behaviour("stack.types", "types are checked",
              ProjectFile("cmake/PerdureRoom.cmake", "-Werror")),
)

ARCHITECTURE = section(
    "system architecture",
    *(behaviour(f"layer.{name}", "a router and its service", trial)
      for name, trial in (("users", Check(people.put_me("/api"))),
                          ("chat", Check(talk.chat("/api/chat"))),
                          ("tasks", Check(planning.tasks_of_tasks("/api"))),
                          ("planning", Check(planning.goals_of_life("/api"))))),
    behaviour("layer.notes", "a router and its service", listing(NOTE), waits=NOTES),
    behaviour("layer.auth", "a router and its service", Endpoint("POST", "/api/auth/login"),
              waits=SIGN_IN),
    behaviour("layer.repositories", "data is reached through a contract",
              ProjectFile("storage/include/perdure/storage/store.hpp", "class")),
    behaviour("agents.orchestrator", "an orchestrator of crews",
              Endpoint("POST", "/api/ai/crews/{id}/runs"), waits=AGENTS),
    behaviour("agents.catalog", "a catalogue of agents", Endpoint("GET", "/api/ai/agents"),
              waits=AGENTS),
    behaviour("agents.config", "agents are configured", Endpoint("PUT", "/api/ai/agents/{id}"),
              waits=AGENTS),
    *(behaviour(f"context.{name}", "an agent sees it", Endpoint("POST", "/api/ai/agents/{id}/runs"),
                waits=AGENTS)
      for name in ("profile", "documents", "tasks")),
    *(behaviour(f"provider.{name}", "a provider of models", Setting("ai.providers"),
                waits=AI_PROVIDERS)
      for name in ("openai", "anthropic", "xai", "openrouter")),
    behaviour("rag", "models answer from documents", Endpoint("POST", "/api/ai/rag/query"),
              waits=MEMORY),
)

STRUCTURE = section(
    "directory structure",
    behaviour("directory.schemas", "schemas for validation", Check(system.openapi)),
    behaviour("directory.config", "configuration", Check(operating.environment)),
    behaviour("directory.exceptions", "failures of one's own kinds", Check(system.problems)),
    behaviour("directory.logger", "logging", Check(operating.json_lines)),
    behaviour("directory.rag", "parts of retrieval",
              Endpoint("POST", "/api/ai/documents/process"), waits=MEMORY),
    behaviour("directory.tests", "tests of the API", ProjectFile("tests/blackbox/harness.py")),
    behaviour("directory.ai_tests", "tests of AI", Setting("ai.providers"), waits=AI_PROVIDERS),
    behaviour("directory.environment", "an example of an environment", ProjectFile(".env.example"),
              waits=PACKAGING),
    behaviour("directory.dockerfile", "a container's recipe", ProjectFile("*Dockerfile*"),
              waits=PACKAGING),
)

USERS = section(
    "schema: users",
    server_fields("users", USER, "id", "created_at", "updated_at"),
    field("users.email", Check(people.unique("email", "seeds-consilium@example.org",
                                             "SEEDS-Consilium@example.org"))),
    field("users.hashed_password", Endpoint("POST", "/api/auth/login"), waits=SIGN_IN),
    fields("users", USER, {"full_name": ("Ada", 7), "is_active": (False, "no"),
                           "preferences": ({"time_zone": "Europe/Oslo"}, 7)}),
    field("users.is_superuser", Check(people.superuser)),
)

NOTES_TABLE = section(
    "schema: notes",
    server_fields("notes", NOTE, "id", "user_id", "created_at", "updated_at", waits=NOTES),
    fields("notes", NOTE, {
        "title": ("Ideas", 7),
        "content": ([{"id": "b-1", "type": "paragraph", "content": []}], 7),
        "parent_id": (item_of(NOTE), "nothing"),
        "is_archived": (False, "no"), "is_pinned": (True, "yes"), "metadata": ({"x": 1}, []),
    }, waits=NOTES),
)

TASKS_TABLE = section(
    "schema: tasks",
    server_fields("tasks", TASK, "id", "user_id", "created_at", "updated_at"),
    fields("tasks", TASK, {
        "title": ("Buy milk", 7), "description": ("Oats", 7), "status": ("in_progress", "begun"),
        "priority": ("high", "highest"), "due_date": ("2027-05-01", "soon"),
        "due_time": ("09:30", "morning"), "parent_id": (item_of(TASK), NOTHING),
        "source": ("note", "nowhere"), "source_reference": ("somewhere", 7),
        "metadata": ({"x": 1}, []),
    }),
)

GOALS_TABLE = section(
    "schema: goals",
    server_fields("goals", GOAL, "id", "user_id", "created_at", "updated_at"),
    fields("goals", GOAL, {
        "title": ("Run", 7), "description": ("In spring", 7), "timeframe": ("year", "decade"),
        "parent_goal_id": (item_of(GOAL), NOTHING), "status": ("draft", "begun"),
        "progress": (40, 101), "priority": ("high", "highest"), "metadata": ({"x": 1}, []),
    }),
    behaviour("goals.progress_of_tasks", "progress is rolled up from tasks",
              Check(planning.progress_of_tasks("/api"))),
    field("goals.due_date", Field(GOAL, "due_date", "2027-05-01", "in spring")),
)

REFLECTIONS_TABLE = section(
    "schema: reflections",
    server_fields("reflections", REFLECTION, "id", "user_id", "created_at", waits=PLANNING),
    fields("reflections", REFLECTION, {
        "content": ("It went well.", 7), "reflection_type": ("weekly", "hourly"),
        "metadata": ({"x": 1}, []),
    }, waits=PLANNING),
)

CONVERSATIONS_TABLE = section(
    "schema: conversations",
    server_fields("conversations", CONVERSATION, "id", "user_id", "created_at", "updated_at"),
    fields("conversations", CONVERSATION, {"title": ("Plans", 7), "metadata": ({"x": 1}, [])}),
)

MESSAGES_TABLE = section(
    "schema: messages",
    server_fields("messages", MESSAGE, "id", "conversation_id", "created_at"),
    fields("messages", MESSAGE, {"content": ("Hello", 7), "agent_id": ("planner", 7),
                                 "metadata": ({"x": 1}, [])}),
    values("messages", MESSAGE, "role", "user", "assistant", "system", "tool"),
)

ACCOUNTS = section(
    "endpoints: authentication and users",
    endpoints(Endpoint("POST", "/api/auth/login"), Endpoint("POST", "/api/auth/register"),
              Endpoint("POST", "/api/auth/refresh"), Endpoint("POST", "/api/auth/logout"),
              waits=SIGN_IN),
    endpoint(Endpoint("GET", "/api/users/me", people.get_me("/api"))),
    endpoint(Endpoint("PUT", "/api/users/me", people.put_me("/api"))),
    endpoint(Endpoint("GET", "/api/users/preferences", people.get_preferences("/api"))),
    endpoint(Endpoint("PUT", "/api/users/preferences", people.put_preferences("/api"))),
)

PLANS = section(
    "endpoints: notes, tasks, planning",
    endpoints(listing(NOTE), create(NOTE), read(NOTE), update(NOTE), delete(NOTE),
              Endpoint("GET", "/api/notes/{note_id}/tasks"), waits=NOTES),
    endpoints(listing(TASK), create(TASK), read(TASK), update(TASK), delete(TASK),
              Endpoint("PUT", "/api/tasks/{task_id}/status", planning.set_status(API))),
    endpoints(listing(GOAL), create(GOAL), read(GOAL), update(GOAL), delete(GOAL)),
    endpoints(listing(REFLECTION), create(REFLECTION), waits=PLANNING),
)

CHAT = section(
    "endpoints: chat",
    endpoints(listing(CONVERSATION), create(CONVERSATION), read(CONVERSATION),
              delete(CONVERSATION),
              Endpoint("GET", "/api/conversations/{conversation_id}/messages", talk.list_messages),
              create(MESSAGE),
              Endpoint("WS", "/api/chat/{conversation_id}", talk.chat("/api/chat"))),
)

AI = section(
    "endpoints: AI services",
    endpoint(Endpoint("POST", "/api/ai/agents"), "lists agents", waits=AGENTS),
    endpoint(Endpoint("POST", "/api/ai/transcribe"), "an image becomes text", waits=AI_TASKS),
    endpoint(Endpoint("POST", "/api/ai/rag/query"), waits=MEMORY),
    endpoint(Endpoint("POST", "/api/ai/documents/process"), waits=MEMORY),
)

SECURITY = section(
    "authentication and security",
    behaviour("flow.supabase", "users sign in at Supabase", Setting("auth.issuers"),
              waits=EXTERNAL_TOKENS),
    behaviour("flow.token", "its tokens are received and verified", Setting("auth.issuers"),
              waits=EXTERNAL_TOKENS),
    behaviour("flow.identity", "the token says who it is", Endpoint("GET", "/api/auth/me"),
              waits=SIGN_IN),
    behaviour("flow.permissions", "who it is decides what may be reached",
              Check(people.isolation)),
    behaviour("measure.https", "HTTPS", Check(operating.tls_1_3)),
    behaviour("measure.jwt", "signatures are verified",
              Endpoint("GET", "/.well-known/jwks.json"), waits=SIGN_IN),
    behaviour("measure.cors", "only permitted origins", Check(system.cors)),
    behaviour("measure.rate_limiting", "rates are bounded", Check(system.rate_limiting)),
    behaviour("measure.validation", "all input is validated", Check(system.validation)),
    behaviour("measure.sql_injection", "text is never code", Check(system.injection)),
    behaviour("measure.dependencies", "dependencies are scanned",
              ProjectFile("scripts/audit-deps"), waits=PACKAGING),
)

DEPLOYMENT = section(
    "deployment",
    behaviour("development.docker", "a local environment in containers",
              ProjectFile("*compose*.y*ml"), waits=PACKAGING),
    behaviour("development.local", "a local server", ProjectFile("scripts/serve", "--help")),
    behaviour("staging.containers", "containers in a cloud", ProjectFile("*/Chart.yaml"),
              waits=PACKAGING),
    behaviour("staging.pipeline", "a pipeline", ProjectFile(".ci/run", "scripts/test")),
    behaviour("staging.anonymous", "data without names", Endpoint("POST", "/api/exports"),
              waits=TRANSFER),
    behaviour("production.horizontal", "more servers", Setting("cluster"), waits=CLUSTER),
    behaviour("production.balancing", "a balancer in front", Setting("trusted_proxies"),
              waits=PROXIES),
    behaviour("production.pooling", "connections to the database are pooled", Setting("store"),
              waits=CLUSTER),
    behaviour("production.caching", "a cache of what is asked for often",
              Endpoint("GET", "/api/cache/stats"), waits=CACHE),
    behaviour("production.managed", "a managed PostgreSQL", Setting("store"), waits=CLUSTER),
    behaviour("production.monitoring", "monitoring", Metric("http_requests_total")),
    behaviour("production.alerting", "alerts", ProjectFile("*alert*"),
              waits=OBSERVING),
)

TESTING = section(
    "testing",
    behaviour("tests.unit", "of functions", ProjectFile("tests/unit/CMakeLists.txt")),
    behaviour("tests.integration", "of parts together", ProjectFile("tests/contract")),
    behaviour("tests.api", "of endpoints", ProjectFile("tests/blackbox/conventions_test.py")),
    behaviour("tests.load", "under load", ProjectFile("bench/load")),
    behaviour("tests.security", "of weaknesses", ProjectFile("tests/blackbox/hostile_test.py")),
)

FUTURE = section(
    "future",
    behaviour("future.graphql", "GraphQL", Endpoint("POST", "/api/graphql"), waits=GRAPHQL),
    behaviour("future.split", "split by domain",
              instead="rooms, installed libraries and nodes: one program is split by what a node "
                      "owns, not by services"),
    behaviour("future.kubernetes", "Kubernetes", ProjectFile("*/Chart.yaml"), waits=PACKAGING),
    behaviour("future.events", "work follows from events", Check(talk.event_log)),
    behaviour("future.queues", "through queues", Check(work.queueing)),
    behaviour("future.vectors", "a vector database of one's own",
              Endpoint("POST", "/api/memories/search"), waits=MEMORY),
)

CONSILIUM = System("consilium", "Consilium", STACK, ARCHITECTURE, STRUCTURE, USERS, NOTES_TABLE,
                   TASKS_TABLE, GOALS_TABLE, REFLECTIONS_TABLE, CONVERSATIONS_TABLE,
                   MESSAGES_TABLE, ACCOUNTS, PLANS, CHAT, AI, SECURITY, DEPLOYMENT, TESTING,
                   FUTURE)
