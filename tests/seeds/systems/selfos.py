# SPDX-License-Identifier: Apache-2.0
"""SelfOS: an assistant for goals, tasks and memories."""

import catalogue
from catalogue import NOTHING, item_of
from checks import figures, notes_and_pages, objects, people, planning, system, talk, work
from nouns import create, delete, listing, read, update
from parts import (AGENTS, AI_PROVIDERS, AI_TASKS, CACHE, CLIENTS, CLUSTER, COVERAGE,
                   EXTERNAL_TOKENS, KEPT_FOR_A_TIME, MEMORY, OBSERVING, ORGANIZATIONS, PACKAGING,
                   PROXIES, SIGN_IN)
from rows import (System, behaviour, endpoint, endpoints, field, fields, figure, section,
                  server_fields, values)
from trials import Check, Endpoint, Metric, ProjectFile, Setting

GOAL = catalogue.goal()
TASK = catalogue.task()
USER = catalogue.user()
MEMORY_ITEM = catalogue.memory()
LIFE_AREA = catalogue.life_area()
EXTERNAL_VECTORS = "an index of Perdure's own takes the place of external vector stores"

COMPONENTS = section(
    "core components",
    behaviour("frontend.web", "an app for the web", ProjectFile("examples/app"), waits=CLIENTS),
    behaviour("frontend.mobile", "a client for mobile apps (Dart)", ProjectFile("clients/dart"),
              waits=CLIENTS),
    behaviour("frontend.desktop", "a client for desktop apps", ProjectFile("clients/typescript"),
              waits=CLIENTS),
    behaviour("frontend.storage", "tokens are kept safe by clients",
              ProjectFile("clients/typescript"), waits=CLIENTS),
    behaviour("frontend.chat", "chat for a client", Check(talk.chat("/chat"))),
    behaviour("frontend.planning", "goals and tasks in an app", ProjectFile("examples/app"),
              waits=CLIENTS),
    behaviour("frontend.dashboard", "a dashboard", ProjectFile("examples/app"), waits=CLIENTS),
    behaviour("backend.database", "stored durably", Check(objects.persistent)),
    behaviour("backend.postgresql", "in PostgreSQL", Setting("store"), waits=CLUSTER),
    behaviour("backend.jwt", "sign-in by tokens", Endpoint("POST", "/auth/login"), waits=SIGN_IN),
    behaviour("backend.firebase", "tokens of Firebase", Setting("auth.issuers"),
              waits=EXTERNAL_TOKENS),
    behaviour("backend.session_cache", "sessions are cached", Endpoint("GET", "/auth/sessions"),
              waits=SIGN_IN),
    behaviour("backend.api_cache", "replies are cached", Endpoint("GET", "/cache/stats"),
              waits=CACHE),
    behaviour("backend.openapi", "documentation is generated", Check(system.openapi)),
    behaviour("backend.swagger", "Swagger UI", Check(system.docs)),
)

ENDPOINTS = section(
    "key endpoints",
    endpoints(Endpoint("POST", "/auth/register"), Endpoint("POST", "/auth/login"),
              Endpoint("GET", "/auth/me"), waits=SIGN_IN),
    endpoints(listing(GOAL), create(GOAL), read(GOAL), update(GOAL), delete(GOAL)),
    endpoints(listing(TASK), create(TASK), read(TASK), update(TASK), delete(TASK)),
    endpoints(Endpoint("POST", "/ai/decompose-goal"), Endpoint("POST", "/ai/chat"),
              waits=AI_TASKS),
    endpoint(Endpoint("GET", "/ai/health"), waits=AI_PROVIDERS),
)

ENGINE = section(
    "AI engine",
    endpoint(Endpoint("GET", "/ai", notes_and_pages.ai("/ai")), "says which providers there are"),
    *(behaviour(f"provider.{name}", "a provider", Setting("ai.providers"), waits=AI_PROVIDERS)
      for name in ("openai-gpt-4", "anthropic-claude", "local")),
    behaviour("engine.decomposition", "a goal becomes tasks",
              Endpoint("POST", "/ai/decompose-goal"), waits=AI_TASKS),
    behaviour("engine.conversation", "talk with a model", Endpoint("POST", "/ai/chat"),
              waits=AI_TASKS),
    behaviour("engine.context", "a model knows what is at hand", Endpoint("POST", "/ai/agents"),
              waits=AGENTS),
    behaviour("engine.orchestrator", "providers behind one interface", Setting("ai.defaults"),
              waits=AI_PROVIDERS),
    behaviour("engine.fallback", "another provider steps in", Setting("ai.fallback"),
              waits=AI_PROVIDERS),
    *(behaviour(f"prompts.{name}", "prompts of one kind", Endpoint("GET", "/ai/prompts"),
                waits=AGENTS)
      for name in ("goal-decomposition", "conversation", "contextual")),
)

MEMORY_SERVICE = section(
    "memory service",
    behaviour("memory.search", "found by meaning", Endpoint("POST", "/memories/search"),
              waits=MEMORY),
    behaviour("memory.pinecone", "Pinecone", instead=EXTERNAL_VECTORS),
    behaviour("memory.weaviate", "Weaviate", instead=EXTERNAL_VECTORS),
    behaviour("memory.local", "embeddings made here", Endpoint("POST", "/ai/embeddings"),
              waits=AI_TASKS),
    behaviour("memory.rag", "answers from what was retrieved", Endpoint("POST", "/ai/rag/query"),
              waits=MEMORY),
    behaviour("memory.long_term", "kept for a long time", create(MEMORY_ITEM), waits=MEMORY),
    behaviour("memory.conversations", "used in conversations", Endpoint("POST", "/ai/chat"),
              waits=AI_TASKS),
)

LIBRARIES = section(
    "shared libraries",
    behaviour("models.user", "a user's form", Check(system.openapi)),
    behaviour("models.goal", "a goal's form", Check(planning.form(
        GOAL, "Goal", {"status": ["draft", "active", "completed", "archived"]},
        {"status": "active", "priority": "medium", "progress": 0, "target_date": None}))),
    behaviour("models.task", "a task's form", Check(planning.form(
        TASK, "Task", {"status": ["pending", "in_progress", "completed", "cancelled"],
                       "priority": ["low", "medium", "high", "urgent"]},
        {"status": "pending", "priority": "medium", "due_date": None, "goal_id": None}))),
    behaviour("models.memory", "a memory's form", listing(MEMORY_ITEM), waits=MEMORY),
    behaviour("models.ai", "forms of requests to AI", Endpoint("POST", "/ai/chat"),
              waits=AI_TASKS),
    behaviour("models.typed_clients", "clients in other languages from the same forms",
              ProjectFile("clients/python"), waits=CLIENTS),
    behaviour("templates.central", "prompts are kept in one place",
              Endpoint("POST", "/ai/prompts"), waits=AGENTS),
    behaviour("templates.context", "prompts take variables",
              Endpoint("POST", "/ai/prompts/{id}/render"), waits=AGENTS),
    behaviour("templates.provider", "prompts for each model",
              Endpoint("GET", "/ai/prompts/{id}"), waits=AGENTS),
    behaviour("templates.system", "prompts for the system", Endpoint("GET", "/ai/agents"),
              waits=AGENTS),
)

USERS = section(
    "database: users",
    server_fields("users", USER, "id", "created_at", "updated_at"),
    fields("users", USER, {"full_name": ("Ada Lovelace", 7), "is_active": (False, "no")}),
    field("users.email", Check(people.unique("email", "seeds-self@example.org",
                                             "Seeds-Self@Example.org"))),
    field("users.hashed_password", Endpoint("POST", "/auth/login"), waits=SIGN_IN),
)

GOALS_TABLE = section(
    "database: goals",
    server_fields("goals", GOAL, "id", "user_id", "created_at", "updated_at"),
    fields("goals", GOAL, {"title": ("Run", 7), "description": ("In spring", 7),
                           "target_date": ("2027-05-01", "in spring"),
                           "life_area_id": (item_of(LIFE_AREA), NOTHING)}),
    values("goals", GOAL, "status", "draft", "active", "completed", "archived"),
)

TASKS_TABLE = section(
    "database: tasks",
    server_fields("tasks", TASK, "id", "user_id", "created_at", "updated_at"),
    field("tasks.completed_at", Check(planning.completed_at)),
    fields("tasks", TASK, {"title": ("Buy milk", 7), "description": ("Oats", 7),
                           "due_date": ("2027-05-01", "soon"),
                           "goal_id": (item_of(GOAL), NOTHING)}),
    values("tasks", TASK, "status", "pending", "in_progress", "completed"),
    values("tasks", TASK, "priority", "low", "medium", "high"),
)

MEMORY_TABLE = section(
    "database: memory items",
    server_fields("memory_items", MEMORY_ITEM, "id", "user_id", "created_at", "timestamp",
                  waits=MEMORY),
    fields("memory_items", MEMORY_ITEM, {"content": ("Likes tea.", 7), "metadata": ({"x": 1}, [])},
           waits=MEMORY),
    field("memory_items.embedding_vector", Endpoint("GET", "/memories/{id}"), waits=MEMORY),
)

INDEXES = section(
    "performance optimizations",
    behaviour("index.goals", "goals of a user by creation, newest first",
              Check(planning.newest_goals_first)),
    behaviour("index.tasks_status", "tasks of a user by status",
              Check(planning.tasks_by_status)),
    behaviour("index.tasks_due", "tasks of a user by date, where they have one",
              Check(planning.tasks_by_date)),
    behaviour("index.memories", "memories of a user by time, newest first", listing(MEMORY_ITEM),
              waits=MEMORY),
    figure("archive.stories", "365 days for story sessions", Endpoint("GET", "/story-sessions"),
           waits=KEPT_FOR_A_TIME),
    figure("archive.feedback", "90 days for feedback", Endpoint("GET", "/feedback"),
           waits=KEPT_FOR_A_TIME),
    behaviour("archive.automatic", "older records move to an archive",
              Endpoint("POST", "/feedback"), waits=KEPT_FOR_A_TIME),
)

SECURITY = section(
    "security",
    behaviour("flow.credentials", "credentials are validated", Endpoint("POST", "/auth/login"),
              waits=SIGN_IN),
    behaviour("flow.token", "a token is made", Endpoint("POST", "/auth/refresh"), waits=SIGN_IN),
    behaviour("flow.client", "clients store it safely", ProjectFile("clients/typescript"),
              waits=CLIENTS),
    behaviour("flow.bearer", "calls carry a bearer token", Check(system.authentication)),
    behaviour("flow.each_request", "it is validated each time", Check(people.deactivate)),
    behaviour("security.stateless", "tokens that are verified without a look-up",
              Endpoint("GET", "/.well-known/jwks.json"), waits=SIGN_IN),
    behaviour("security.bcrypt", "bcrypt hashes are taken", Endpoint("POST", "/auth/login"),
              waits=SIGN_IN),
    behaviour("security.validation", "strict validation", Check(system.validation)),
    behaviour("security.cors", "pages of other origins", Check(system.cors)),
    behaviour("security.rate_limiting", "endpoints are protected", Check(system.rate_limiting)),
    behaviour("security.sql_injection", "text is never code", Check(system.injection)),
    behaviour("gap.sanitization", "odd input is kept as it is, and harms nothing",
              Check(system.injection)),
    behaviour("gap.scanning", "dependencies are scanned for holes",
              ProjectFile("scripts/audit-deps"), waits=PACKAGING),
    behaviour("gap.vault", "secrets come from a vault",
              instead="settings that are secrets take a file or a command, which a vault's client "
                      "can be"),
)

DEPLOYMENT = section(
    "deployment",
    behaviour("development.compose", "a compose file", ProjectFile("*compose*.y*ml"),
              waits=PACKAGING),
    behaviour("production.static", "static assets can be kept by a CDN",
              Check(system.static_assets)),
    behaviour("production.balancer", "behind nginx or HAProxy", Setting("trusted_proxies"),
              waits=PROXIES),
    behaviour("production.backends", "several servers", Setting("cluster"), waits=CLUSTER),
    behaviour("production.database", "a cluster of the database", Setting("store"),
              waits=CLUSTER),
    behaviour("production.ai", "providers outside", Setting("ai.providers"), waits=AI_PROVIDERS),
    behaviour("production.cache", "a cluster of the cache", Setting("cluster.node"),
              waits=CLUSTER),
    behaviour("production.vectors", "a store of vectors", instead=EXTERNAL_VECTORS),
)

INTEGRATION = section(
    "integration patterns",
    behaviour("provider.conversation", "a conversation is completed", Endpoint("POST", "/ai/chat"),
              waits=AI_TASKS),
    behaviour("provider.decompose", "a goal is decomposed",
              Endpoint("POST", "/ai/decompose-goal"), waits=AI_TASKS),
    behaviour("provider.health", "a provider is asked how it is", Endpoint("GET", "/ai/health"),
              waits=AI_PROVIDERS),
    behaviour("provider.key", "a key for each provider", Setting("ai.providers"),
              waits=AI_PROVIDERS),
    behaviour("provider.model", "a model for each provider", Setting("ai.defaults"),
              waits=AI_PROVIDERS),
    endpoints(create(MEMORY_ITEM), Endpoint("POST", "/memories/search"), delete(MEMORY_ITEM),
              waits=MEMORY),
    figure("memory.limit", "10 results unless asked otherwise",
           Endpoint("POST", "/memories/search"), waits=MEMORY),
    behaviour("memory.enhance", "a message is answered with what is remembered",
              Endpoint("POST", "/ai/rag/query"), waits=MEMORY),
)

FIGURES = section(
    "performance characteristics",
    figure("api.p95", "95 % within 1.5 s", Check(figures.response_time(1.5))),
    figure("database.mean", "queries within 100 ms on average", Check(figures.store_time(0.1))),
    figure("ai.response", "2 to 10 s for a provider", Endpoint("POST", "/ai/chat"),
           waits=AI_TASKS),
    figure("memory.retrieval", "within 500 ms by meaning", Endpoint("POST", "/memories/search"),
           waits=MEMORY),
    figure("users.1000", "1,000 users at once", Check(figures.concurrent(1_000))),
    figure("users.10000", "10,000 users at once", Check(figures.concurrent(10_000))),
    figure("rate.100", "100 requests a second", Check(figures.throughput(100))),
    figure("rate.1000", "1,000 requests a second", Check(figures.throughput(1_000))),
    figure("records.10000000", "10,000,000 records, as fast as few", Setting("store"),
           waits=CLUSTER),
    figure("embeddings.100000000", "100,000,000 embeddings, searched within a second",
           Endpoint("POST", "/memories/search"), waits=MEMORY),
)

MONITORING = section(
    "monitoring",
    behaviour("metric.response_times", "times of each endpoint",
              Metric("http_request_duration_seconds", "route")),
    behaviour("metric.errors", "failures by status", Metric("http_requests_total", "status")),
    behaviour("metric.ai", "use and cost of AI", Metric("perdure_ai_requests_total"),
              waits=AI_PROVIDERS),
    behaviour("metric.database", "times of the store", Metric("perdure_commit_seconds")),
    behaviour("metric.processor", "processor time", Metric("process_cpu_seconds_total")),
    behaviour("metric.memory", "memory", Metric("process_resident_memory_bytes")),
    behaviour("metric.pooling", "connections of the database",
              Metric("perdure_store_connections"), waits=CLUSTER),
    behaviour("metric.cache", "hits of the cache", Metric("perdure_cache_hits_total"),
              waits=CACHE),
    behaviour("metric.network", "delays of the network between nodes",
              Metric("perdure_cluster_call_seconds"), waits=CLUSTER),
    behaviour("alert.critical", "when the server or store is down",
              ProjectFile("*alert*"), waits=OBSERVING),
    behaviour("alert.warning", "when answers are slow, or AI fails",
              ProjectFile("*alert*"), waits=OBSERVING),
    behaviour("alert.info", "when it was deployed, and at milestones of use",
              ProjectFile("*alert*"), waits=OBSERVING),
)

FUTURE = section(
    "future",
    behaviour("future.split", "split into services",
              instead="rooms, installed libraries and nodes: one program is split by what a node "
                      "owns, not by services"),
    behaviour("future.events", "work follows from events", Check(talk.event_log)),
    behaviour("future.queues", "through queues", Check(work.queueing)),
    behaviour("future.tenancy", "data of an organization apart", Endpoint("GET", "/organizations"),
              waits=ORGANIZATIONS),
    behaviour("future.websockets", "live updates", Check(talk.live_updates)),
    behaviour("future.caching", "layers of caches", Endpoint("GET", "/cache/stats"), waits=CACHE),
    behaviour("future.kubernetes", "Kubernetes", ProjectFile("*/Chart.yaml"), waits=PACKAGING),
    behaviour("future.mesh", "calls between machines are encrypted", Setting("cluster.ca"),
              waits=CLUSTER),
    behaviour("future.prometheus", "Prometheus", Check(system.prometheus)),
    behaviour("future.grafana", "Grafana", ProjectFile("*dashboard*"),
              waits=OBSERVING),
    behaviour("future.jaeger", "Jaeger", Setting("tracing"), waits=OBSERVING),
    behaviour("future.ci", "a pipeline", ProjectFile(".ci/run", "scripts/test")),
)

PRINCIPLES = section(
    "development principles",
    behaviour("principle.boundaries", "parts with clear bounds",
              ProjectFile("tests/lint/rule_layers.py", "LIBRARY_HOMES")),
    behaviour("principle.injection", "what code depends on is handed to it",
              ProjectFile("CONTRIBUTING.md", "come in through interfaces")),
    behaviour("principle.providers", "providers behind interfaces", Setting("ai.providers"),
              waits=AI_PROVIDERS),
    behaviour("principle.single", "one purpose for each part",
              ProjectFile("CONTRIBUTING.md", "each room's README maps its files")),
    behaviour("tests.unit", "unit tests", ProjectFile("tests/unit/CMakeLists.txt")),
    figure("tests.coverage", "85 % of the lines of the core", ProjectFile("scripts/coverage"),
           waits=COVERAGE),
    behaviour("tests.integration", "from end to end",
              ProjectFile("tests/blackbox/CMakeLists.txt")),
    behaviour("tests.contract", "of interfaces", ProjectFile("tests/contract/CMakeLists.txt")),
    behaviour("tests.performance", "under load", ProjectFile("bench/load")),
    behaviour("docs.api", "generated from the code", Check(system.openapi)),
    behaviour("docs.decisions", "decisions are written down",
              ProjectFile("docs/adr/0001-turn-and-gate.md", "Status")),
    behaviour("docs.comments", "comments say why", ProjectFile("CONTRIBUTING.md", "say why")),
    behaviour("docs.examples", "examples", ProjectFile("examples/CMakeLists.txt")),
)

SELFOS = System("selfos", "SelfOS", COMPONENTS, ENDPOINTS, ENGINE, MEMORY_SERVICE, LIBRARIES,
                USERS, GOALS_TABLE, TASKS_TABLE, MEMORY_TABLE, INDEXES, SECURITY, DEPLOYMENT,
                INTEGRATION, FIGURES, MONITORING, FUTURE, PRINCIPLES)
