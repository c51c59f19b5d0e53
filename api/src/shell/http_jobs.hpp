// SPDX-License-Identifier: Apache-2.0
// The job type `http`: a call of an HTTP server elsewhere.
//
// Payload and result are those of the effect `http` (perdure/api/effects/http_performer.hpp).
// A job keeps at most 64 KiB of result: a response body is cut at 32 KiB, unless the payload says
// itself how long it may be.
#pragma once

#include <memory>

#include "perdure/actors/job_types.hpp"
#include "perdure/api/effects/http_performer.hpp"

namespace perdure::shell {

/// Who makes the calls, which is there later than the types of jobs are. Set before the first job.
struct HttpClientSlot {
  effects::HttpPerformer* client = nullptr;
};

[[nodiscard]] actors::JobType http_job_type(std::shared_ptr<HttpClientSlot> slot);

}  // namespace perdure::shell
