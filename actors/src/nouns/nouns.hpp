// SPDX-License-Identifier: Apache-2.0
// The functions that declare the nouns.
#pragma once

#include "perdure/actors/noun.hpp"

namespace perdure::actors {

#define PERDURE_NOUN(name) [[nodiscard]] Noun name##_noun();
#include "nouns/nouns.def"
#undef PERDURE_NOUN

}  // namespace perdure::actors
