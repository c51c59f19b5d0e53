# SPDX-License-Identifier: Apache-2.0
"""DeviseOS: a knowledge system of notebooks, voice and AI, for persons and organizations."""

import catalogue
from checks import notes_and_pages, objects, operating, people, system, work
from nouns import create, delete, listing, read, update
from parts import (AI_PROVIDERS, AI_TASKS, AUDIT, CACHE, CLUSTER, DELETION, ENCRYPTION,
                   EXTERNAL_TOKENS, FILES, FLAGS, GRAPHQL, MIGRATIONS, OBSERVING, ORGANIZATIONS,
                   PACKAGING, PLUGINS, SEARCH, SIGN_IN, SYNC)
from rows import System, behaviour, endpoint, endpoints, field, fields, section, server_fields
from trials import Check, Command, Endpoint, Field, Metric, ProjectFile, ServerSet, Setting

V1 = "/api/v1"
NOTEBOOK = catalogue.notebook(V1)
SECTION = catalogue.notebook_section(V1)
PAGE = catalogue.page(V1)
VOICE = catalogue.voice_annotation(V1)
ORGANIZATION = catalogue.organization(V1)
USER = catalogue.user(V1)
PLUGIN = catalogue.plugin(V1)


def crud(noun, **state):
    return endpoints(listing(noun), create(noun), read(noun), update(noun),
                     update(noun, "PATCH"), delete(noun), **state)


CONFIGURATION = section(
    "configuration",
    behaviour("settings.database", "how the store keeps data",
              Setting("storage.cache", "32MiB", "much")),
    behaviour("settings.cache", "the cache's own settings", Setting("cache"), waits=CACHE),
    behaviour("settings.security", "which pages of others may ask", Check(system.cors)),
    behaviour("settings.ai", "providers and their models", Setting("ai"), waits=AI_PROVIDERS),
    behaviour("settings.storage", "where files are stored", Setting("files"), waits=FILES),
    behaviour("settings.background", "how many jobs run at once",
              Setting("jobs.concurrency", "3", "many")),
    behaviour("settings.monitoring", "what is logged", Setting("log.level", "warning", "loud")),
    behaviour("settings.plugins", "limits of plugins", Setting("plugins"), waits=PLUGINS),
    behaviour("settings.environment", "environment variables", Check(operating.environment)),
    behaviour("settings.validation", "types are checked", Check(operating.typed_settings)),
    *(behaviour(f"flag.{name}", "a feature flag", Endpoint("GET", "/admin/config"), waits=FLAGS)
      for name in ("graphql", "websockets", "plugins", "rate_limiting")),
)

STRUCTURE = section(
    "project structure",
    behaviour("project.readme", "a README", ProjectFile("README.md", "scripts/serve")),
    behaviour("project.compose", "a compose file", ProjectFile("*compose*.y*ml"),
              waits=PACKAGING),
    behaviour("project.dockerfile", "a container's recipe", ProjectFile("*Dockerfile*"),
              waits=PACKAGING),
    behaviour("project.dependencies", "a list of dependencies",
              ProjectFile("scripts/packages", "librocksdb-dev")),
    behaviour("project.build", "a build description", ProjectFile("CMakePresets.json", "release")),
    behaviour("project.routers", "a table of routes", Check(system.openapi)),
    behaviour("project.middleware", "what all requests pass", Check(system.problems)),
)

MODELS = section(
    "database models",
    field("base.created_at", ServerSet(NOTEBOOK, "created_at")),
    field("base.updated_at", ServerSet(NOTEBOOK, "updated_at")),
    field("base.created_by", Check(notes_and_pages.stamped("created_by"))),
    field("base.updated_by", Check(notes_and_pages.stamped("updated_by"))),
    field("base.deleted_at", ServerSet(NOTEBOOK, "deleted_at"), waits=DELETION),
    field("base.deleted_by", ServerSet(NOTEBOOK, "deleted_by"), waits=DELETION),
    behaviour("base.soft_delete", "what is deleted can be brought back",
              Check(notes_and_pages.soft_delete)),
    behaviour("base.schemas", "schemas of bodies and replies", Check(system.openapi)),
    server_fields("notebook", NOTEBOOK, "id", "user_id"),
    fields("notebook", NOTEBOOK, {"title": ("Travels", 7), "description": ("Far away", 7),
                                  "tags": (["a", "b"], "a"), "metadata": ({"x": 1}, [])}),
    behaviour("notebook.contents", "sections and pages",
              Check(notes_and_pages.holds_sections_and_pages)),
    server_fields("section", SECTION, "id", "created_at", "updated_at"),
    fields("section", SECTION, {"title": ("Norway", 7)}),
    behaviour("section.order", "sections arrange pages", Check(notes_and_pages.arranges)),
    server_fields("page", PAGE, "id", "created_at", "updated_at"),
    fields("page", PAGE, {"title": ("Day one", 7), "content": ("Rain, then sun.", 7),
                          "metadata": ({"mood": "good"}, "good"), "tags": (["fjord"], "fjord")}),
    field("page.section_id", Check(notes_and_pages.holds_sections_and_pages)),
    fields("voice", VOICE, {"title": ("A thought", 7), "language": ("en", 7),
                            "page_id": (catalogue.item_of(PAGE), "nothing")}, waits=FILES),
    server_fields("voice", VOICE, "id", "created_at", "duration_ms", "content_type", "size",
                  "transcript", "transcript_status", waits=FILES),
    behaviour("page.embedding", "vectors of pages for search by meaning",
              Endpoint("GET", "/api/v1/search"), waits=SEARCH),
    server_fields("user", USER, "id", "created_at", "updated_at"),
    field("user.email", Check(people.unique("email", "seeds-devise@example.org",
                                            "SEEDS-devise@example.org"))),
    fields("user", USER, {"full_name": ("Ada", 7), "is_active": (False, "no")}),
    behaviour("user.authentication", "an account signs in", Endpoint("POST", "/auth/login"),
              waits=SIGN_IN),
    fields("organization", ORGANIZATION, {"name": ("Club", 7), "slug": ("club", 7)},
           waits=ORGANIZATIONS),
    behaviour("organization.members", "who belongs to it",
              Endpoint("GET", "/api/v1/organizations/{id}/members"), waits=ORGANIZATIONS),
    *(behaviour(f"organization.role={role}", "a role of members",
                Endpoint("POST", "/api/v1/organizations/{id}/invitations"), waits=ORGANIZATIONS)
      for role in ("owner", "admin", "member", "guest")),
    behaviour("session", "sessions of users", Endpoint("GET", "/auth/sessions"), waits=SIGN_IN),
    behaviour("audit_log", "what was done, by whom", Endpoint("GET", "/audit"), waits=AUDIT),
)

ROUTERS = section(
    "API layer: routers",
    endpoint(Endpoint("GET", "/health", system.health, open=True), "checks"),
    endpoint(Endpoint("GET", "/health/ready", system.ready_at("/health/ready"), open=True)),
    endpoint(Endpoint("GET", "/health/live", system.live_at("/health/live"), open=True)),
    endpoints(Endpoint("GET", "/auth"), Endpoint("POST", "/auth/login"),
              Endpoint("POST", "/auth/register"), Endpoint("POST", "/auth/refresh"),
              Endpoint("POST", "/auth/logout"), Endpoint("GET", "/auth/me"), waits=SIGN_IN),
    crud(NOTEBOOK), crud(SECTION), crud(PAGE),
    crud(VOICE, waits=FILES),
    endpoints(Endpoint("PUT", "/api/v1/voice-annotations/{id}/audio"),
              Endpoint("GET", "/api/v1/voice-annotations/{id}/audio"),
              Endpoint("POST", "/api/v1/voice-annotations/{id}/transcribe"), waits=FILES),
    endpoint(Endpoint("GET", "/api/v1/ai", notes_and_pages.ai("/api/v1/ai")),
             "says which providers there are"),
    endpoints(Endpoint("POST", "/api/v1/ai/embeddings"), Endpoint("POST", "/api/v1/ai/summarize"),
              Endpoint("POST", "/api/v1/ai/tags"), waits=AI_TASKS),
    endpoints(Endpoint("POST", "/api/v1/sync/push"), Endpoint("GET", "/api/v1/sync/pull"),
              Endpoint("GET", "/api/v1/sync/conflicts"),
              Endpoint("POST", "/api/v1/sync/conflicts/{id}/resolve"), waits=SYNC),
    endpoints(listing(PLUGIN), create(PLUGIN), read(PLUGIN), delete(PLUGIN),
              Endpoint("POST", "/api/v1/plugins/{id}/invoke"),
              Endpoint("POST", "/api/v1/plugins/{id}/enable"),
              Endpoint("POST", "/api/v1/plugins/{id}/disable"), waits=PLUGINS),
)

MIDDLEWARE = section(
    "API layer: what all requests share",
    behaviour("lifespan", "an orderly start and stop", Check(system.start_and_stop)),
    behaviour("middleware.cors", "pages of other origins", Check(system.cors)),
    behaviour("middleware.authentication", "who is asking", Check(system.authentication)),
    behaviour("middleware.tokens", "access tokens (JWT) are validated",
              Endpoint("POST", "/auth/refresh"), waits=SIGN_IN),
    behaviour("middleware.rate_limiting", "a rate for each key, without Redis",
              Check(system.rate_limiting)),
    behaviour("middleware.audit", "requests are audited as HIPAA asks",
              Endpoint("GET", "/audit/verify"), waits=AUDIT),
    behaviour("middleware.request_id", "requests can be followed", Check(system.request_id)),
    behaviour("errors", "one form for all failures", Check(system.problems)),
    behaviour("users.management", "accounts are listed and changed", Check(people.put_user)),
)

ENVIRONMENT = section(
    "development environment",
    behaviour("services.postgresql", "PostgreSQL as the database", Setting("store"), waits=CLUSTER),
    behaviour("services.pgvector", "vectors in the database",
              instead="vectors live with their owner, in an index of Perdure's own: no external "
                      "vector store"),
    behaviour("services.redis", "a cache", Endpoint("GET", "/cache/stats"), waits=CACHE),
    behaviour("services.sessions", "stored sessions", Endpoint("GET", "/auth/sessions"),
              waits=SIGN_IN),
    behaviour("services.object_store", "an S3-compatible store", Setting("files.s3"), waits=FILES),
    behaviour("services.broker", "a broker of messages", Check(work.queueing)),
    behaviour("services.prometheus", "metrics are collected", Check(system.prometheus)),
    behaviour("services.grafana", "dashboards", ProjectFile("*grafana*"),
              waits=OBSERVING),
    behaviour("services.api", "the API in a container", ProjectFile("*Dockerfile*"),
              waits=PACKAGING),
    behaviour("services.workers", "workers in the background", Check(work.several_workers)),
    behaviour("dependency.graphql", "GraphQL beside REST", Endpoint("POST", "/graphql"),
              waits=GRAPHQL),
    behaviour("dependency.validation", "bodies are validated", Check(system.validation)),
    behaviour("dependency.openai", "OpenAI", Setting("ai.providers"), waits=AI_PROVIDERS),
    behaviour("dependency.anthropic", "Anthropic", Setting("ai.providers"), waits=AI_PROVIDERS),
    behaviour("dependency.gemini", "Google Gemini", Setting("ai.providers"), waits=AI_PROVIDERS),
    behaviour("dependency.whisper", "Whisper",
              Endpoint("POST", "/api/v1/voice-annotations/{id}/transcribe"), waits=FILES),
    behaviour("dependency.nlp", "natural language processing", Endpoint("POST", "/ai/analyze"),
              waits=AI_TASKS),
    behaviour("dependency.opentelemetry", "OpenTelemetry", Setting("tracing"), waits=OBSERVING),
    behaviour("dependency.sentry", "Sentry", Setting("errors"), waits=OBSERVING),
)

SECURITY = section(
    "security and compliance",
    behaviour("auth.jwt", "token-based sign-in", Endpoint("POST", "/auth/login"), waits=SIGN_IN),
    behaviour("auth.clerk", "tokens of Clerk", Setting("auth.issuers"), waits=EXTERNAL_TOKENS),
    behaviour("auth.rbac", "roles of users", Check(people.roles)),
    behaviour("auth.sessions", "sessions are managed", Endpoint("DELETE", "/auth/sessions/{id}"),
              waits=SIGN_IN),
    behaviour("protection.at_rest", "AES-256 at rest", Setting("master_key"), waits=ENCRYPTION),
    behaviour("protection.in_transit", "TLS 1.3", Check(operating.tls_1_3)),
    behaviour("protection.audit_chain", "an audit log that cannot be edited, chained by hashes",
              Endpoint("GET", "/audit/verify"), waits=AUDIT),
    behaviour("protection.hipaa", "sensitive members are redacted", Endpoint("GET", "/audit"),
              waits=AUDIT),
)

AI = section(
    "AI and processing",
    *(behaviour(f"ai.{name}", "a model's provider", Setting("ai.providers"), waits=AI_PROVIDERS)
      for name in ("gpt-4", "claude", "gemini", "local")),
    behaviour("ai.embeddings", "sentence embeddings", Endpoint("POST", "/ai/embeddings"),
              waits=AI_TASKS),
    behaviour("ai.speech", "speech to text on this machine",
              Endpoint("POST", "/voice-annotations/{id}/transcribe"), waits=FILES),
    behaviour("ai.entities", "named entities", Endpoint("POST", "/ai/analyze"), waits=AI_TASKS),
    behaviour("ai.sentiment", "sentiment", Endpoint("POST", "/ai/analyze"), waits=AI_TASKS),
    behaviour("background.async", "work in the background", Check(work.submission)),
    behaviour("background.broker", "work is handed over durably", Check(work.execution)),
    behaviour("background.results", "results are kept", Check(work.results)),
    behaviour("background.caching", "results of AI are cached", Endpoint("GET", "/cache/stats"),
              waits=CACHE),
)

MONITORING = section(
    "monitoring",
    behaviour("metrics.prometheus", "metrics of the system", Metric("process_cpu_seconds_total")),
    behaviour("metrics.grafana", "dashboards to look at",
              ProjectFile("*dashboard*"), waits=OBSERVING),
    behaviour("tracing", "distributed traces", Setting("tracing.otlp_endpoint"), waits=OBSERVING),
    behaviour("logs.json", "structured logs", Check(operating.json_lines)),
    behaviour("logs.correlation", "logs can be joined by request", Check(operating.correlated)),
    behaviour("probes.readiness", "readiness for Kubernetes",
              Check(system.ready_at("/health/ready"))),
    behaviour("probes.liveness", "liveness for Kubernetes", Check(system.live_at("/health/live"))),
    behaviour("health.storage", "the state of the store", Check(system.dependencies)),
    behaviour("health.cache", "the state of the cache", Endpoint("GET", "/cache/stats"),
              waits=CACHE),
    behaviour("health.files", "the state of the object store", Setting("files.store"),
              waits=FILES),
    behaviour("health.status", "one status of the whole", Check(system.health)),
)

START = section(
    "getting started",
    behaviour("start.simple", "one command starts a server",
              ProjectFile("scripts/serve", "--help")),
    behaviour("start.test", "one command tries the set-up", ProjectFile("scripts/test", "--help")),
    behaviour("start.listen", "any address and port, such as 0.0.0.0 and 8000",
              Check(system.listen_anywhere)),
    behaviour("start.compose", "one command starts all services",
              ProjectFile("*compose*.y*ml"), waits=PACKAGING),
    behaviour("start.migrate", "stored data is upgraded", Command("migrate"), waits=MIGRATIONS),
)

ENDPOINTS = section(
    "API endpoints",
    endpoint(Endpoint("GET", "/", system.welcome, open=True)),
    endpoint(Endpoint("GET", "/info", system.info, open=True)),
    endpoint(Endpoint("GET", "/docs", system.docs, open=True)),
    endpoint(Endpoint("GET", "/redoc", system.redoc, open=True)),
)

NEXT = section(
    "next steps",
    behaviour("next.database", "a connected database", Check(objects.persistent)),
    behaviour("next.jwt", "tokens are validated in full", Endpoint("POST", "/auth/login"),
              waits=SIGN_IN),
    behaviour("next.upload", "audio files are uploaded",
              Endpoint("PUT", "/api/v1/voice-annotations/{id}/audio"), waits=FILES),
    behaviour("next.vector_search", "search by meaning", Endpoint("GET", "/api/v1/search"),
              waits=SEARCH),
    behaviour("next.sandbox", "plugins in Deno or Wasm", Endpoint("POST", "/api/v1/plugins"),
              waits=PLUGINS),
    behaviour("next.encryption", "encryption is completed", Command("encrypt"),
              waits=ENCRYPTION),
    behaviour("next.audit", "auditing is completed", Command("audit", "verify"), waits=AUDIT),
    behaviour("next.monitoring", "alerts and dashboards for what is monitored",
              ProjectFile("*alert*"), waits=OBSERVING),
    behaviour("next.background", "workers in the background", Check(work.several_workers)),
    behaviour("next.tests", "a comprehensive suite of tests",
              ProjectFile("tests/README.md", "blackbox")),
    behaviour("next.kubernetes", "manifests", ProjectFile("*kubernetes*"), waits=PACKAGING),
    behaviour("next.helm", "Helm charts", ProjectFile("*/Chart.yaml"), waits=PACKAGING),
)

HIGHLIGHTS = section(
    "highlights",
    behaviour("privacy.local", "AI on this machine alone", Setting("ai.providers"),
              waits=AI_PROVIDERS),
    behaviour("privacy.encrypted", "stored data is encrypted", Command("keyring"),
              waits=ENCRYPTION),
    behaviour("privacy.zero_trust", "plugins are isolated",
              Endpoint("PUT", "/plugins/{id}/grants"), waits=PLUGINS),
    behaviour("privacy.residency", "an organization says where its data lies",
              Field(ORGANIZATION, "storage_location", "eu", 7), waits=CLUSTER),
    behaviour("scale.async", "requests are asynchronous", Check(objects.asynchronous)),
    behaviour("scale.services", "can be split into services",
              instead="rooms, installed libraries and nodes: one program is split by what a node "
                      "owns, not by services"),
    behaviour("scale.horizontal", "more machines", Setting("cluster"), waits=CLUSTER),
    behaviour("scale.caching", "replies are cached", Endpoint("POST", "/cache/warm"), waits=CACHE),
    behaviour("enterprise.tenancy", "tenants do not see each other", Check(people.isolation)),
    behaviour("enterprise.organizations", "tenants are organizations",
              Endpoint("GET", "/organizations"), waits=ORGANIZATIONS),
    behaviour("enterprise.permissions", "fine permissions", Check(people.scopes)),
    behaviour("enterprise.gdpr", "all data out, and erased", Check(people.gdpr)),
    behaviour("enterprise.hipaa", "access to health data is audited",
              Endpoint("GET", "/audit/export"), waits=AUDIT),
    behaviour("enterprise.soc2", "evidence of who did what", Endpoint("GET", "/audit"),
              waits=AUDIT),
    behaviour("enterprise.audit_trail", "what was done cannot be changed afterwards",
              Endpoint("GET", "/audit/verify"), waits=AUDIT),
)

DEVISEOS = System("deviseos", "DeviseOS", CONFIGURATION, STRUCTURE, MODELS, ROUTERS, MIDDLEWARE,
                  ENVIRONMENT, SECURITY, AI, MONITORING, START, ENDPOINTS, NEXT, HIGHLIGHTS)
