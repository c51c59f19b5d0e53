// SPDX-License-Identifier: Apache-2.0
// Writes rows of indexes into a stopped server's directory that do not follow from any state, or
// takes away those that do, as a bug would:
//
//   perdure_row_writer DIRECTORY erase KIND ID INDEX        prints the row: KEY VALUE, in hex
//   perdure_row_writer DIRECTORY put KIND ID INDEX KEY VALUE
#include <cstdio>
#include <string>
#include <vector>

#include "perdure/base/crypto.hpp"
#include "perdure/base/time.hpp"
#include "perdure/storage/rocksdb_store.hpp"

namespace {

using namespace perdure;

std::string hex(const std::string& text) { return to_hex(text); }

std::string from_hex(const std::string& text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

int complain(const std::string& what) {
  static_cast<void>(std::fprintf(stderr, "%s\n", what.c_str()));
  return 1;
}

int change(storage::Store& store, const ObjectId& object, storage::IndexChange row) {
  const auto last = store.last_record(object);
  if (!last || !*last) return complain("there is no such object");
  storage::Unit unit;
  unit.write_sets.push_back(
      {.object = object, .epoch = store.epoch(), .expected_seq = (*last)->seq});
  unit.write_sets.front().indexes.push_back(std::move(row));
  const auto outcome = std::move(store.commit({&unit, 1}, SystemClock{}.now()).front());
  return outcome ? 0 : complain(to_string(outcome.error()));
}

int erase(storage::Store& store, const ObjectId& object, const std::string& index) {
  using Op = storage::IndexChange::Op;
  const auto rows = store.index(object.kind, index, {.limit = 100'000});
  if (!rows) return complain(to_string(rows.error()));
  for (const auto& row : *rows) {
    if (row.id != object.id) continue;
    std::printf("%s %s\n", hex(row.key).c_str(), hex(row.value).c_str());
    return change(store, object, {Op::erase, index, row.key});
  }
  return complain("it has no such row");
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const bool is_put = arguments.size() == 7 && arguments[1] == "put";
  if (!is_put && !(arguments.size() == 5 && arguments[1] == "erase")) {
    return complain(
        "usage: perdure_row_writer DIRECTORY erase KIND ID INDEX | … put KIND ID INDEX "
        "KEY VALUE");
  }
  auto store = storage::open_rocksdb({.directory = arguments[0]});
  if (!store) return complain(to_string(store.error()));
  const ObjectId object{arguments[2], arguments[3]};
  if (!is_put) return erase(**store, object, arguments[4]);
  return change(**store, object,
                {storage::IndexChange::Op::put, arguments[4], from_hex(arguments[5]),
                 from_hex(arguments[6])});
}
