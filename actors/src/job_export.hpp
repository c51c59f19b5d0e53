// SPDX-License-Identifier: Apache-2.0
// The job type `export` (see built_in_job_types).
#pragma once

#include "perdure/actors/job_types.hpp"

namespace perdure::actors {

[[nodiscard]] JobType export_job_type(KindResource resource_of);

}  // namespace perdure::actors
