// SPDX-License-Identifier: Apache-2.0
#include "unreliable_disk_state.hpp"

#include <algorithm>
#include <fstream>
#include <set>
#include <utility>

namespace perdure::storage {

using rocksdb::IOStatus;
using std::filesystem::path;

namespace {

/// Files of the store that RocksDB does not know.
const std::set<std::string> own_files{"ACKED", "FORMAT", "FORMAT.new", "LOCK.perdure"};
constexpr std::uintmax_t slot_distance = 4096;  // of ACKED
constexpr std::size_t slot_bytes = 20;

std::string read_file(const path& file) {
  std::ifstream stream{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{stream}, {}};
}

void write_file(const path& file, const std::string& bytes) {
  std::ofstream{file, std::ios::binary | std::ios::trunc} << bytes;
}

std::string file_name(const std::string& file) { return path{file}.filename().string(); }

void take_over(std::map<std::string, ContentPtr>& names, const NameChange& change) {
  if (!change.from.empty()) names.erase(change.from);
  if (!change.to.empty()) names[change.to] = change.content;
}

}  // namespace

void UnreliableDisk::State::set_faults(const DiskFaults& faults) {
  const std::lock_guard lock{mutex_};
  faults_ = faults;
  calls_ = 0;
  struck_.clear();
}

IOStatus UnreliableDisk::State::begin(Sort sort, const char* what, const std::string& file) {
  const std::lock_guard lock{mutex_};
  if (!acked_before_) acked_before_ = read_file(directory_ / "ACKED");
  using Strike = DiskFaults::Strike;
  const bool is_counted = sort == Sort::change || faults_.count_reads;
  if (is_counted) ++calls_;
  if (faults_.strike_at == 0 || calls_ < faults_.strike_at) return IOStatus::OK();
  if (struck_.empty() && is_counted) {
    struck_ = std::string{what} + " " + file_name(file);
    if (faults_.strike != Strike::cut_power) return IOStatus::IOError("injected: " + struck_);
    power_is_off_ = true;
    acked_ = read_file(directory_ / "ACKED");
  }
  if (faults_.strike == Strike::fail_on && is_counted) return IOStatus::IOError("injected");
  return IOStatus::OK();
}

void UnreliableDisk::State::adopt() {
  for (const auto& file : std::filesystem::directory_iterator(directory_)) {
    const auto name = file.path().filename().string();
    if (!file.is_regular_file() || own_files.contains(name)) continue;
    auto content = shadowed(name);
    content->written_bytes = content->synced_bytes = file.file_size();
    content->recorded_bytes = content->synced_recorded_bytes = file.file_size();
    names_[name] = content;
  }
  durable_ = names_;
}

ContentPtr UnreliableDisk::State::shadowed(const std::string& name) {
  auto content = std::make_shared<Content>();
  content->shadow = shadows_ / std::to_string(++shadow_count_);
  std::filesystem::create_hard_link(directory_ / name, content->shadow);
  return content;
}

void UnreliableDisk::State::change(NameChange change) {
  if (power_is_off_) return;
  take_over(names_, change);
  unsynced_.push_back(std::move(change));
}

ContentPtr UnreliableDisk::State::created(const std::string& file) {
  const std::lock_guard lock{mutex_};
  const auto name = file_name(file);
  auto content = shadowed(name);
  change({.from = {}, .to = name, .content = content});
  return content;
}

void UnreliableDisk::State::written(Content& content, std::uint64_t size) {
  const std::lock_guard lock{mutex_};
  if (!power_is_off_) content.written_bytes = size;
}

void UnreliableDisk::State::synced(Content& content, std::uint64_t size) {
  const std::lock_guard lock{mutex_};
  if (power_is_off_ || faults_.ignores_file_syncs) return;
  content.synced_bytes = std::max(content.synced_bytes, size);
  content.synced_recorded_bytes = content.recorded_bytes;
}

void UnreliableDisk::State::recorded(Content& content, std::uint64_t end) {
  const std::lock_guard lock{mutex_};
  if (!power_is_off_) content.recorded_bytes = std::max(content.recorded_bytes, end);
}

void UnreliableDisk::State::truncated(Content& content, std::uint64_t size) {
  const std::lock_guard lock{mutex_};
  if (power_is_off_) return;
  content.written_bytes = size;
  content.synced_bytes = std::min(content.synced_bytes, size);
}

void UnreliableDisk::State::removed(const std::string& file) {
  const std::lock_guard lock{mutex_};
  change({.from = file_name(file), .to = {}, .content = nullptr});
}

void UnreliableDisk::State::renamed(const std::string& from, const std::string& to) {
  const std::lock_guard lock{mutex_};
  change({.from = file_name(from), .to = file_name(to), .content = names_[file_name(from)]});
}

void UnreliableDisk::State::directory_synced() {
  const std::lock_guard lock{mutex_};
  if (power_is_off_ || faults_.ignores_directory_syncs) return;
  durable_ = names_;
  unsynced_.clear();
  // What has no name left is gone; this also bounds the shadows.
  std::set<path> kept;
  for (const auto& [name, content] : durable_) kept.insert(content->shadow);
  for (const auto& shadow : std::filesystem::directory_iterator(shadows_)) {
    if (!kept.contains(shadow.path())) std::filesystem::remove(shadow.path());
  }
}

/// File systems that RocksDB is made for show a file's new bytes no further than they were written
/// back. Its logs are read as if they did not: zeros and nonsense are an end as well.
void UnreliableDisk::State::lose_tail(const Content& content, bool is_log,
                                      std::mt19937_64& random) {
  std::filesystem::resize_file(content.shadow, content.written_bytes);
  if (content.written_bytes <= content.synced_bytes) return;
  const auto unsynced = content.written_bytes - content.synced_bytes;
  const auto fate = random() % (is_log ? 5 : 3);
  if (fate == 0) return;  // all of it was written back
  const auto kept = fate == 1 ? 0 : random() % (unsynced + 1);
  std::filesystem::resize_file(content.shadow, content.synced_bytes + kept);
  if (fate == 3) std::filesystem::resize_file(content.shadow, content.written_bytes);  // zeros
  if (fate == 4) {
    std::string nonsense(random() % 512, '\0');
    for (auto& byte : nonsense) byte = static_cast<char>(random());
    std::ofstream{content.shadow, std::ios::binary | std::ios::app} << nonsense;
  }
}

/// What was written over zeros is written back in any order: a sector is as it was or as it should
/// be.
void UnreliableDisk::State::lose_sectors(const Content& log, std::mt19937_64& random) {
  constexpr std::uint64_t sector_bytes = 512;
  // What was written after the power was cut.
  std::filesystem::resize_file(log.shadow, log.recorded_bytes);
  std::filesystem::resize_file(log.shadow, log.written_bytes);
  std::fstream file{log.shadow, std::ios::binary | std::ios::in | std::ios::out};
  for (auto at = log.synced_recorded_bytes; at < log.recorded_bytes;) {
    const auto end = std::min(log.recorded_bytes, (at / sector_bytes + 1) * sector_bytes);
    if (random() % 3 == 0) {
      file.seekp(static_cast<std::streamoff>(at));
      file << std::string(end - at, '\0');
    }
    at = end;
  }
}

/// Each slot of ACKED may be as it was when RocksDB began: its writes are rarely synced.
void UnreliableDisk::State::lose_acknowledged_numbers(std::mt19937_64& random) const {
  auto bytes = power_is_off_ ? acked_ : read_file(directory_ / "ACKED");
  const auto& before = acked_before_ ? *acked_before_ : bytes;
  if (before.size() != bytes.size() || bytes.size() < 2 * slot_distance) return;
  for (const std::uintmax_t slot : {std::uintmax_t{0}, slot_distance}) {
    if (random() % 2 == 0) bytes.replace(slot, slot_bytes, before.substr(slot, slot_bytes));
  }
  write_file(directory_ / "ACKED", bytes);
}

void UnreliableDisk::State::reboot(std::mt19937_64& random) {
  const std::lock_guard lock{mutex_};
  // File systems with a journal lose the last changes of names, never one before another. RocksDB
  // depends on it: CURRENT may name a MANIFEST whose own name was not synced yet.
  const auto first_ones = random() % (unsynced_.size() + 1);
  for (std::size_t i = 0; i < first_ones; ++i) take_over(durable_, unsynced_[i]);
  for (const auto& file : std::filesystem::directory_iterator(directory_)) {
    if (!own_files.contains(file.path().filename().string())) {
      std::filesystem::remove_all(file.path());
    }
  }
  std::set<Content*> torn;
  for (const auto& [name, content] : durable_) {
    if (torn.insert(content.get()).second) {
      const bool is_log = name.ends_with(".log");
      if (is_log) lose_sectors(*content, random);
      lose_tail(*content, is_log, random);
    }
    std::filesystem::copy_file(content->shadow, directory_ / name);
  }
  lose_acknowledged_numbers(random);
  names_.clear();
  unsynced_.clear();
  acked_before_.reset();
  power_is_off_ = false;
  faults_ = {};
  calls_ = 0;
  struck_.clear();
  std::filesystem::remove_all(shadows_);
  std::filesystem::create_directories(shadows_);
  adopt();
}

}  // namespace perdure::storage
