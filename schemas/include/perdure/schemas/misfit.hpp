// SPDX-License-Identifier: Apache-2.0
// Why JSON does not become a C++ value, in words of ours: what the library says names its classes,
// and goes into no answer.
#pragma once

#include <exception>
#include <string>

namespace perdure {

/// Of what a conversion from JSON threw, such as `the member by is missing`.
[[nodiscard]] std::string describe_misfit(const std::exception& thrown);

}  // namespace perdure
