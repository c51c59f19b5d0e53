// SPDX-License-Identifier: Apache-2.0
// The targets of one list (PERDURE_FUZZ_TARGETS) as libFuzzer calls them: `--target=NAME FOLDER…`,
// with its own flags (https://llvm.org/docs/LibFuzzer.html). Without a name it prints them all.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "target.hpp"

namespace {
const perdure::fuzz::Target* chosen = nullptr;
}

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  constexpr std::string_view flag = "--target=";
  for (int i = 1; i < *argc; ++i) {
    const std::string_view argument = (*argv)[i];
    if (!argument.starts_with(flag)) continue;
    for (const auto& target : perdure::fuzz::PERDURE_FUZZ_TARGETS()) {
      if (target.name == argument.substr(flag.size())) chosen = &target;
    }
  }
  if (chosen == nullptr) {
    for (const auto& target : perdure::fuzz::PERDURE_FUZZ_TARGETS()) std::puts(target.name.data());
    std::fflush(stdout);
    std::_Exit(2);
  }
  // Neither actors nor threads of the store may run while statics go; a finding ends elsewhere.
  std::atexit([] { std::_Exit(0); });
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chosen->run({reinterpret_cast<const char*>(data), size});
  return 0;
}
