// SPDX-License-Identifier: Apache-2.0
#include "perdure/api/http/direct_answers.hpp"

namespace perdure::http {

namespace {
thread_local int living = 0;  // on this thread
}

DirectAnswers::DirectAnswers() noexcept { ++living; }
DirectAnswers::~DirectAnswers() { --living; }

bool DirectAnswers::here() noexcept { return living > 0; }

}  // namespace perdure::http
