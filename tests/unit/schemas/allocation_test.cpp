// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <new>

#include "perdure/schemas/registry.hpp"
#include "schema_text.hpp"

namespace {

thread_local std::size_t allocations = 0;

}  // namespace

// Not inlined: the compiler would see memory of malloc in the one and of new in the other.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc{};
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace perdure {
namespace {

TEST(Validate, does_not_allocate_for_a_valid_body) {
  const std::pair<const char*, Json> bodies[] = {
      {"NotebookCreate", json(R"({"title": "a title", "tags": ["a", "b"],
                                  "metadata": {"k": 1.5}})")},
      {"PagePatch", json(R"({"section_id": "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
                             "content": "some text", "position": 1.5})")},
      {"MessageCreate", json(R"({"role": "user", "content": "hello", "client_id": null})")},
      {"ApiKeyCreate", json(R"({"name": "n", "scopes": ["notebooks:read"]})")},
      {"ObjectRequest", json(R"({"command": "add", "payload": {"by": 1}})")},
      {"UserPatch", json(R"({"preferences": {"time_zone": "UTC"}, "role": "user"})")},
  };
  for (const auto& [name, body] : bodies) {
    const Schema* checked = find_schema(name);
    // An expression keeps what it learnt from its first texts.
    EXPECT_EQ(verdict(*checked, body), "valid") << name;
    const auto before = allocations;
    const bool is_valid = checked->validate(body).empty();
    EXPECT_EQ(allocations - before, 0U) << name;
    EXPECT_TRUE(is_valid);
  }
}

TEST(Validate, allocates_for_an_invalid_body) {
  const auto before = allocations;
  EXPECT_FALSE(find_schema("NotebookCreate")->validate(json("{}")).empty());
  EXPECT_GT(allocations, before);  // the counter counts
}

}  // namespace
}  // namespace perdure
