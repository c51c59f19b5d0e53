// SPDX-License-Identifier: Apache-2.0
// From settings to the options of what is started: the one place where a setting is used.
#pragma once

#include "perdure/actors/kinds.hpp"
#include "perdure/api/effects/http_performer.hpp"
#include "perdure/api/http/server.hpp"
#include "perdure/api/shell/log.hpp"
#include "perdure/base/memory_budget.hpp"
#include "perdure/runtime/lent_thread.hpp"
#include "perdure/runtime/options.hpp"
#include "perdure/storage/store_factory.hpp"
#include "shell/config.hpp"

namespace perdure::shell {

/// Where the server's data is kept.
[[nodiscard]] std::shared_ptr<storage::StoreFactory> store_factory(const Config& config);
[[nodiscard]] RuntimeOptions runtime_options(const Config& config);
/// Whether the committer is to send what it answers (`threads.direct_answers`).
[[nodiscard]] bool sends_direct_answers(const Config& config);
[[nodiscard]] Lends lends_of_io_threads(const Config& config);
/// For what connections make the server keep, of all clients and of each.
[[nodiscard]] MemoryBudget::Limits memory_limits(const Config& config);
[[nodiscard]] http::ServerOptions server_options(const Config& config);
[[nodiscard]] effects::HttpOptions http_client_options(const Config& config);
[[nodiscard]] actors::DomainOptions domain_options(const Config& config);
[[nodiscard]] LogLevel log_level(const Config& config);
/// Who is at the other end: `log.format = auto` writes text for people.
enum class Reader { person, program };
[[nodiscard]] LogFormat log_format(const Config& config, Reader reader);

/// `host:port` with the port that was taken, for `listening on`; an IPv6 host keeps its brackets.
[[nodiscard]] std::string authority(const Config& config, std::uint16_t port);

}  // namespace perdure::shell
