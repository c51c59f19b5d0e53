# SPDX-License-Identifier: Apache-2.0
"""What rows wait for. Each part has a row under "Planned" in docs/feature_status.md."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    name: str
    brings: str


SIGN_IN = Part("sign-in and sessions", "registration, login, refresh, logout, sessions, passwords")
EXTERNAL_TOKENS = Part("external tokens", "JWTs of configured issuers: Clerk, Firebase, Supabase")
OAUTH = Part("authorization server", "OAuth 2 for native clients and MCP")
SECOND_FACTOR = Part("second factors", "TOTP, recovery codes, passkeys")
ORGANIZATIONS = Part("organizations and sharing", "members and their roles, shares, transfer")
AUDIT = Part("audit", "a hash-chained log of who did what, readable and verifiable")
ENCRYPTION = Part("encryption at rest", "a master key, a key for each owner, erasure by key")
DELETION = Part("marks of deletion", "`deleted_at` and `deleted_by` of what is deleted")
NOTES = Part("notes", "`/notes`: blocks, a tree, archive and pins")
PLANNING = Part("planning", "reflections, members of projects")
KEPT_FOR_A_TIME = Part("records kept for a time", "feedback and story sessions, archived by age")
FILES = Part("files and voice", "`/files`, `/voice-annotations`; a directory or S3 behind them")
DATA = Part("data collections", "`/data/collections` with schemas, indexes and bulk")
SEARCH = Part("search", "text, semantic and hybrid search over what the caller may read")
SYNC = Part("sync", "push, pull and conflicts for clients that work offline")
TRANSFER = Part("import and export", "JSON, Markdown and CSV in and out, also without names")
CACHE = Part("cache", "`/cache`, and replies that a commit invalidates")
AI_PROVIDERS = Part("AI providers", "configured providers, their health, fallback, cost")
AI_TASKS = Part("AI tasks", "chat, decomposition, summaries, tags, entities, transcription")
AGENTS = Part("agents and prompts", "a catalogue of agents, crews, tools, prompt templates")
MEMORY = Part("memory and retrieval", "`/memories`, documents, answers with citations")
PLUGINS = Part("plugins", "kinds in TypeScript and Wasm, isolated")
GRAPHQL = Part("GraphQL", "`/graphql` from the same declarations as REST")
FLAGS = Part("flags at run time", "`/admin/config`: feature flags and log level")
CONSOLE = Part("console", "`/console`: objects, jobs, users and queries in a browser")
MIGRATIONS = Part("migrations", "`perdure migrate`, forwards and back")
REMOTE_WORKERS = Part("workers elsewhere", "jobs that programs on other machines lease")
PROXIES = Part("behind a proxy", "`trusted_proxies`, `public_url`")
COVERAGE = Part("coverage", "a script that says which lines the tests run")
PACKAGING = Part("packaging", "image, compose file, Helm chart, `.deb`, samples of settings")
OBSERVING = Part("dashboards, tracing and alerts", "Grafana, OTLP, alert rules, error reports")
CLUSTER = Part("more than one machine", "a fenced store on PostgreSQL, placement, failover")
SYSTEM_OBJECTS = Part("system objects", "AIDevOS's four kinds as durable objects")
CLIENTS = Part("clients", "TypeScript, Python and Dart clients, an example app")

PARTS = [part for part in dict(vars()).values() if isinstance(part, Part)]
