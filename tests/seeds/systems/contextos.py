# SPDX-License-Identifier: Apache-2.0
"""ContextOS: a template of a backend, with tasks in the background, a cache and hooks for AI."""

import catalogue
from checks import figures, notes_and_pages, objects, operating, people, system, talk, work
from parts import (AI_PROVIDERS, AI_TASKS, AUDIT, CACHE, CLUSTER, CONSOLE, ENCRYPTION, GRAPHQL,
                   MIGRATIONS, OAUTH, OBSERVING, ORGANIZATIONS, PACKAGING, PROXIES, REMOTE_WORKERS,
                   SIGN_IN)
from rows import System, behaviour, endpoint, field, figure, section, server_fields
from trials import Check, Command, Endpoint, Metric, ProjectFile, Setting

V1 = "/api/v1"
NOTEBOOK = catalogue.notebook(V1)
READ_REPLICAS = "owners answer from memory: reads need no replica of the database"

STACK = section(
    "technology stack",
    behaviour("stack.validation", "bodies are validated by declared types",
              Check(system.validation)),
    behaviour("stack.server", "a server of HTTP", Check(system.listen_anywhere)),
    behaviour("stack.database", "PostgreSQL", Setting("store"), waits=CLUSTER),
    behaviour("stack.durable", "a database that keeps what it was given",
              Check(objects.persistent)),
    behaviour("stack.migrations", "a tool for migrations", Command("migrate"), waits=MIGRATIONS),
    behaviour("stack.driver", "a fast driver of the database", Setting("store"), waits=CLUSTER),
    behaviour("stack.cache", "a cache in memory", Endpoint("GET", "/cache/stats"), waits=CACHE),
    behaviour("stack.cache_client", "programs reach the cache without waiting",
              Endpoint("GET", "/cache/stats"), waits=CACHE),
    behaviour("stack.queue", "a queue of tasks on several workers", Check(work.several_workers)),
    behaviour("stack.flower", "tasks are watched as they run", Check(work.watching)),
    behaviour("stack.docker", "a container", ProjectFile("*Dockerfile*"), waits=PACKAGING),
    behaviour("stack.compose", "several containers", ProjectFile("*compose*.y*ml"),
              waits=PACKAGING),
)

STRUCTURE = section(
    "project structure",
    behaviour("structure.health", "endpoints of health",
              Check(system.live_at("/api/v1/health/live"))),
    behaviour("structure.tasks", "endpoints of tasks in the background: `/jobs`",
              Check(work.submission)),
    behaviour("structure.config", "configuration in one place", Check(operating.environment)),
    behaviour("structure.logging", "logging is set up", Check(operating.json_lines)),
    behaviour("structure.exceptions", "failures of one's own kinds", Check(system.problems)),
    behaviour("structure.example", "an example of a model", ProjectFile("examples/counter/main.cpp",
                                                                       "perdure::kind")),
    behaviour("structure.cache_service", "a service for the cache",
              Endpoint("PUT", "/cache/user:profile:1"), waits=CACHE),
    behaviour("structure.migrations", "versions of the schema", Command("migrate", "--dry-run"),
              waits=MIGRATIONS),
    behaviour("script.start", "a script starts services", ProjectFile("scripts/serve", "--help")),
    behaviour("script.stop", "a script stops them", ProjectFile("scripts/stop", "--help")),
    behaviour("script.test", "a script tests the API", ProjectFile("scripts/test", "--help")),
    behaviour("script.logs", "a script shows logs", ProjectFile("scripts/logs", "--help")),
    behaviour("structure.makefile", "commands for development", ProjectFile("Makefile"),
              waits=PACKAGING),
    behaviour("structure.readme", "documentation", ProjectFile("README.md", "curl")),
    behaviour("structure.packages", "a list of packages",
              ProjectFile("scripts/packages", "librocksdb-dev")),
)

LAYERS = section(
    "architecture layers",
    behaviour("layer.requests", "requests are validated", Check(system.validation)),
    behaviour("layer.responses", "replies have one form", Check(system.reply_form)),
    behaviour("layer.errors", "errors are handled", Check(system.problems)),
    behaviour("layer.documentation", "the API documents itself", Check(system.openapi)),
    behaviour("layer.configuration", "settings are managed", Check(operating.typed_settings)),
    behaviour("layer.reload", "settings that may change while it runs",
              Check(operating.reload_level)),
    behaviour("layer.pooling", "connections to a database are pooled", Setting("store"),
              waits=CLUSTER),
    behaviour("layer.sessions", "work with the database begins and ends in order",
              Check(system.start_and_stop)),
    behaviour("layer.transactions", "transactions", Check(objects.transactions)),
    behaviour("layer.schema", "the form of what is stored", Check(objects.kinds)),
    behaviour("layer.relationships", "one thing belongs to another",
              Check(notes_and_pages.holds_sections_and_pages)),
    behaviour("layer.external", "outside services are called", Check(work.calls_out)),
)

PATTERNS = section(
    "design patterns",
    behaviour("pattern.injection", "what code depends on is handed to it",
              ProjectFile("CONTRIBUTING.md", "come in through interfaces")),
    behaviour("pattern.repository", "data is reached through a contract",
              ProjectFile("storage/include/perdure/storage/store.hpp", "class")),
    behaviour("pattern.service", "what is done stands apart from how it is asked for",
              ProjectFile("README.md", "written as an embedder would")),
    behaviour("pattern.factory", "things are made in one place",
              ProjectFile("api/src/main.cpp", "main")),
)

FLOW = section(
    "data flow",
    behaviour("flow.request", "a request goes through the router to a handler and back",
              Check(objects.request_object)),
    behaviour("flow.submission", "a task is submitted and answered at once",
              Check(work.submission)),
    behaviour("flow.queue", "it waits in a queue", Check(work.queueing)),
    behaviour("flow.execution", "a worker carries it out", Check(work.execution)),
    behaviour("flow.results", "its result is kept", Check(work.results)),
    behaviour("flow.status", "its state can be asked for", Check(work.status_check)),
)

DATABASE = section(
    "database design",
    field("base.id", Check(notes_and_pages.ids), "integers that count up",
          instead="ids are UUIDv7: they sort by time, and are made without asking a database"),
    server_fields("base", NOTEBOOK, "created_at", "updated_at"),
    behaviour("migration.automatic", "steps come from the declarations", Command("migrate"),
              waits=MIGRATIONS),
    behaviour("migration.versioned", "what is stored has a version",
              Check(objects.view_has("schema_version"))),
    behaviour("migration.reversible", "up, and down again", Command("migrate", "--down", "1"),
              waits=MIGRATIONS),
)

CACHING = section(
    "caching",
    behaviour("cache.replies", "replies are cached", Endpoint("GET", "/cache/stats"), waits=CACHE),
    behaviour("cache.sessions", "sessions are stored", Endpoint("GET", "/auth/sessions"),
              waits=SIGN_IN),
    behaviour("cache.rates", "use of the API is counted", Check(system.rate_limiting)),
    behaviour("cache.results", "results of tasks are stored", Check(work.results)),
    behaviour("cache.keys", "keys of the form namespace, entity, id",
              Endpoint("GET", "/cache/stats"), waits=CACHE),
    *(behaviour(f"cache.key={key}", "an example of a key", Endpoint("PUT", f"/cache/{key}"),
                waits=CACHE)
      for key in ("user:profile:123", "ai:response:abc-def", "cache:query:hash-value")),
)

BACKGROUND = section(
    "background tasks",
    figure("task.short", "short: less than 30 s", Check(work.short)),
    figure("task.long", "long: more than 30 s", Check(work.long)),
    behaviour("task.periodic", "on a schedule", Check(work.periodic)),
    field("task.progress", Check(work.progress), "`current` and `total`"),
    behaviour("task.result", "a task returns a value", Check(work.results)),
    behaviour("task.retry", "a task that fails is tried again", Check(work.retries)),
    behaviour("task.cancel", "a task is stopped", Check(work.cancel)),
)

ERRORS = section(
    "error handling",
    field("error.error", Check(system.problem_members), "a sentence"),
    field("error.details", Check(system.problem_members), "a reason for each member"),
    behaviour("failure.database", "of the database", Check(system.dependencies)),
    behaviour("failure.cache", "of the cache", Endpoint("GET", "/cache/stats"), waits=CACHE),
    behaviour("failure.validation", "of validation", Check(system.validation)),
    behaviour("failure.not_found", "of what is not there", Check(system.not_found)),
)

LOGGING = section(
    "logging",
    *(behaviour(f"level.{level}", "a level of the log", Check(operating.log_level(level)))
      for level in operating.LEVELS),
    behaviour("format.text", "lines for people", Check(operating.text_lines)),
    behaviour("format.json", "lines of JSON", Check(operating.json_lines)),
    *(field(f"line.{member}", Check(operating.log_member(member)))
      for member in ("timestamp", "level", "logger", "message")),
)

SECURITY = section(
    "security",
    behaviour("security.secrets", "secrets come from the environment",
              Check(operating.secret_settings)),
    behaviour("security.cors", "pages of other origins", Check(system.cors)),
    behaviour("security.validation", "input is validated", Check(system.validation)),
    behaviour("security.sql_injection", "text is never code", Check(system.injection)),
    behaviour("security.non_root", "the container's user is not root", ProjectFile("*Dockerfile*"),
              waits=PACKAGING),
    behaviour("security.jwt", "sign-in by tokens", Endpoint("POST", "/auth/login"), waits=SIGN_IN),
    behaviour("security.rate_limiting", "rates are bounded", Check(system.rate_limiting)),
    behaviour("security.api_keys", "keys for programs", Check(people.api_keys)),
    behaviour("security.tls", "HTTPS", Check(operating.tls_1_3)),
    behaviour("security.vault", "secrets come from a vault",
              instead="settings that are secrets take a file or a command, which a vault's client "
                      "can be"),
    behaviour("security.encryption", "the database is encrypted", Setting("master_key"),
              waits=ENCRYPTION),
    behaviour("security.audit", "what was done is logged", Endpoint("GET", "/audit"), waits=AUDIT),
)

SCALE = section(
    "scalability",
    behaviour("scale.api", "several servers behind one balancer", Setting("cluster"),
              waits=CLUSTER),
    behaviour("scale.workers", "several workers", Check(work.several_workers)),
    behaviour("scale.remote_workers", "workers on other machines", Endpoint("POST", "/jobs/lease"),
              waits=REMOTE_WORKERS),
    behaviour("scale.replicas", "replicas to read from", instead=READ_REPLICAS),
    behaviour("scale.pooling", "pooled connections to the database", Setting("store"),
              waits=CLUSTER),
    behaviour("scale.cache", "a cache on several machines", Setting("cluster.node"),
              waits=CLUSTER),
    behaviour("scale.up", "more memory is used when it is given", Check(operating.budgets)),
    behaviour("scale.queries", "queries are served by indexes",
              Check(notes_and_pages.indexed_lists)),
    behaviour("scale.caching", "caching", Endpoint("POST", "/cache/warm"), waits=CACHE),
)

OBSERVING_ROWS = section(
    "monitoring",
    endpoint(Endpoint("GET", "/api/v1/health/live", system.live_at("/api/v1/health/live"),
                      open=True)),
    endpoint(Endpoint("GET", "/api/v1/health/ready", system.ready_at("/api/v1/health/ready"),
                      open=True)),
    behaviour("metric.request_rate", "requests", Metric("http_requests_total", "route", "method",
                                                       "status")),
    behaviour("metric.response_time", "time to an answer",
              Metric("http_request_duration_seconds", "route")),
    behaviour("metric.error_rate", "failures", Metric("http_requests_total", "status")),
    behaviour("metric.database_connections", "connections to the database",
              Metric("perdure_store_connections"), waits=CLUSTER),
    behaviour("metric.cache_memory", "memory of the cache", Metric("perdure_cache_bytes"),
              waits=CACHE),
    behaviour("metric.queue_length", "jobs that wait", Metric("perdure_jobs_queued")),
    behaviour("metric.workers", "whether workers can be had", Endpoint("POST", "/jobs/lease"),
              waits=REMOTE_WORKERS),
    behaviour("tool.prometheus", "Prometheus", Check(system.prometheus)),
    behaviour("tool.grafana", "Grafana", ProjectFile("*dashboard*"),
              waits=OBSERVING),
    behaviour("tool.elk", "a store of logs reads them", Check(operating.json_lines)),
    behaviour("tool.sentry", "Sentry", Setting("errors"), waits=OBSERVING),
)

AI = section(
    "AI",
    behaviour("ai.generate", "a reply to a prompt", Endpoint("POST", "/ai/chat"), waits=AI_TASKS),
    behaviour("ai.background", "long work of AI in the background", Endpoint("GET", "/ai/runs"),
              waits=AI_TASKS),
    behaviour("ai.cached", "replies of AI are cached by a hash of the prompt",
              Endpoint("PUT", "/cache/ai:response:abc"), waits=CACHE),
    *(field(f"interaction.{member}", Endpoint("GET", "/ai/interactions"), waits=AI_TASKS)
      for member in ("prompt", "response", "model")),
    behaviour("ai.service", "one way to all providers", Setting("ai.providers"),
              waits=AI_PROVIDERS),
)

TESTING = section(
    "testing",
    behaviour("tests.unit", "of single parts", ProjectFile("tests/unit/CMakeLists.txt")),
    behaviour("tests.integration", "of parts together",
              ProjectFile("tests/blackbox/CMakeLists.txt")),
    behaviour("tests.api", "of the API", ProjectFile("tests/blackbox/conventions_test.py")),
    behaviour("tests.load", "under load", ProjectFile("bench/load")),
)

DEPLOYMENT = section(
    "deployment",
    behaviour("deploy.development", "all of it on one machine", ProjectFile("scripts/serve")),
    behaviour("deploy.containers", "containers of API, database, cache, workers",
              ProjectFile("*compose*.y*ml"), waits=PACKAGING),
    behaviour("deploy.balancer", "a balancer before three servers", Setting("trusted_proxies"),
              waits=PROXIES),
    behaviour("deploy.replicas", "a primary database and replicas", instead=READ_REPLICAS),
    behaviour("deploy.failover", "a database that fails over", Command("cluster", "status"),
              waits=CLUSTER),
    behaviour("deploy.autoscaling", "workers come and go with the load",
              Endpoint("POST", "/jobs/{id}/heartbeat"), waits=REMOTE_WORKERS),
)

PERFORMANCE = section(
    "performance",
    behaviour("database.indexes", "what is asked for often is indexed",
              Check(notes_and_pages.indexed_lists)),
    behaviour("database.pooling", "connections are pooled", Setting("store"), waits=CLUSTER),
    behaviour("database.slow", "slow queries are found", Endpoint("POST", "/admin/sql"),
              waits=CONSOLE),
    behaviour("database.replicas", "replicas to read from", instead=READ_REPLICAS),
    behaviour("database.partitions", "large tables are partitioned", Setting("cluster.partitions"),
              waits=CLUSTER),
    behaviour("api.compression", "replies are compressed", Check(system.compression)),
    behaviour("api.caching_headers", "clients may keep replies", Check(system.caching_headers)),
    behaviour("api.async", "endpoints do not wait for each other", Check(objects.asynchronous)),
    behaviour("api.serialization", "replies are written fast",
              Check(figures.throughput(1_000))),
    behaviour("api.static", "static content can be kept by a CDN",
              Check(system.static_assets)),
    behaviour("cache.expensive", "expensive queries are cached", Endpoint("GET", "/cache/stats"),
              waits=CACHE),
    behaviour("cache.warming", "a cache is filled beforehand", Endpoint("POST", "/cache/warm"),
              waits=CACHE),
    behaviour("cache.invalidation", "what changed leaves the cache", Endpoint("DELETE", "/cache"),
              waits=CACHE),
    behaviour("cache.hit_rate", "how often it helps", Metric("perdure_cache_hits_total"),
              waits=CACHE),
)

FUTURE = section(
    "future enhancements",
    behaviour("future.graphql", "GraphQL", Endpoint("POST", "/graphql"), waits=GRAPHQL),
    behaviour("future.websocket", "WebSockets", Check(talk.live_updates)),
    behaviour("future.tenancy", "tenants", Endpoint("GET", "/organizations"),
              waits=ORGANIZATIONS),
    behaviour("future.oauth2", "OAuth 2", Endpoint("POST", "/oauth/token"),
              waits=OAUTH),
    behaviour("future.saml", "SAML",
              instead="OpenID Connect, which a bridge makes of SAML"),
    behaviour("future.versions", "versions of the API", Check(system.versions)),
    behaviour("future.event_sourcing", "every change is kept", Check(objects.sourced)),
    behaviour("future.cqrs", "commands apart from queries", Check(objects.commands_and_queries)),
    behaviour("future.split", "split into services",
              instead="rooms, installed libraries and nodes: one program is split by what a node "
                      "owns, not by services"),
)

CONTEXTOS = System("contextos", "ContextOS", STACK, STRUCTURE, LAYERS, PATTERNS, FLOW, DATABASE,
                   CACHING, BACKGROUND, ERRORS, LOGGING, SECURITY, SCALE, OBSERVING_ROWS, AI,
                   TESTING, DEPLOYMENT, PERFORMANCE, FUTURE)
