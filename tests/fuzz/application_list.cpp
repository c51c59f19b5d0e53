// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "target.hpp"
#include "targets.hpp"

namespace perdure::fuzz {

std::span<const Target> application_targets() {
  static constexpr std::array all{
      Target{"application", run_application}, Target{"chat_frame", run_chat_frame},
      Target{"config", run_config},           Target{"header_fields", run_header_fields},
      Target{"import", run_import},           Target{"index_order", run_index_order},
      Target{"json_text", run_json_text},     Target{"routes", run_routes},
      Target{"settings", run_settings},       Target{"webhook_secret", run_webhook_secret},
  };
  return all;
}

}  // namespace perdure::fuzz
