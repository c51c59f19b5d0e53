// SPDX-License-Identifier: Apache-2.0
// The data directory as a thing that others can move, delete, replace and copy.
#include <set>

#include "rocksdb/file.hpp"
#include "rocksdb_fixture.hpp"

namespace perdure::storage {
namespace {

using std::filesystem::copy_options;
using testing::HasSubstr;

const ObjectId alice{"counter", "alice"};
const ObjectId bob{"counter", "bob"};
const ObjectId carol{"counter", "carol"};

class RocksdbDirectory : public RocksdbStoreTest {
 protected:
  ~RocksdbDirectory() override { close(); }

  /// A store in a directory of its own, so that the directory itself can go.
  RocksdbOptions in(const std::string& name) {
    auto with = options();
    with.directory = path() / name;
    with.on_write_failure = [this](const Error& cause) { stopped_ = cause; };
    with.on_new_line = [this](const Error& cause) { broken_ = cause; };
    return with;
  }
  void expect_stopped(std::string_view why) {
    const auto looked = store().look();
    ASSERT_EQ(code_of(looked), ErrorCode::unavailable);
    EXPECT_THAT(looked.error().detail, HasSubstr(why));
    EXPECT_EQ(store().health(), Health::displaced);
    EXPECT_EQ(stopped_.fields.at(0).code, "directory_gone");
    EXPECT_FALSE(commit(alice));
    EXPECT_TRUE(store().last_record(alice)) << "reads go on";
    EXPECT_FALSE(store().look()) << "and it is said again";
  }
  /// As `cp -a`, also over files that are there.
  void copy(const std::string& from, const std::string& to) {
    std::filesystem::copy(path() / from, path() / to,
                          copy_options::recursive | copy_options::overwrite_existing);
  }
  /// As above, of a store that may delete a file meanwhile.
  void copy_open(const std::string& from, const std::string& to) {
    std::error_code error;
    do {
      std::filesystem::remove_all(path() / to);
      std::filesystem::copy(path() / from, path() / to, copy_options::recursive, error);
    } while (error);
  }
  void remove_open(const std::string& name) {
    std::error_code error;
    do {
      std::filesystem::remove_all(path() / name, error);
    } while (error);
  }
  /// Opens it twice with commits in between, so that it has files of rows, and so few that RocksDB
  /// does not compact them: nothing is written when a test exchanges them.
  void fill(const std::string& name) {
    for (int i = 0; i < 2; ++i) {
      open(in(name));
      ASSERT_TRUE(commit(alice));
    }
    close();
  }
  [[nodiscard]] std::set<std::string> names_in(const std::string& name) const {
    std::set<std::string> names;
    for (const auto& file : std::filesystem::directory_iterator(path() / name)) {
      names.insert(file.path().filename().string());
    }
    return names;
  }
  struct Identity {
    std::uint32_t line;
    std::string history;
    bool operator==(const Identity&) const = default;
  };
  Identity identity_of(const std::string& name) {
    open(in(name));
    Identity identity{store().line(), store().event_range().value().history};
    EXPECT_TRUE(commit(alice));
    close();
    return identity;
  }
  void expect_broken(const std::string& name, const Identity& before) {
    broken_ = {};
    const auto after = identity_of(name);
    EXPECT_NE(after.line, before.line);
    EXPECT_NE(after.line, 0u);
    EXPECT_NE(after.history, before.history);
    EXPECT_THAT(broken_.detail, HasSubstr("copy"));
    EXPECT_EQ(identity_of(name), after) << "once";
  }

  Error stopped_;
  Error broken_;
};

TEST_F(RocksdbDirectory, keeps_a_second_store_out_when_its_lock_files_are_deleted) {
  open(in("data"));
  std::filesystem::remove(path() / "data" / "LOCK");
  std::filesystem::remove(path() / "data" / "LOCK.perdure");
  EXPECT_EQ(code_of(open_rocksdb(in("data"))), ErrorCode::conflict);
  EXPECT_EQ(code_of(check_rocksdb(path() / "data", {}, {})), ErrorCode::conflict);
  EXPECT_TRUE(store().look()) << "the lock file is put back";
  EXPECT_TRUE(std::filesystem::exists(path() / "data" / "LOCK.perdure"));
  const auto refused = open_rocksdb(in("data"));
  ASSERT_EQ(code_of(refused), ErrorCode::conflict);
  EXPECT_THAT(refused.error().detail, HasSubstr(std::to_string(::getpid())));
  EXPECT_TRUE(commit(alice));
}

TEST_F(RocksdbDirectory, that_is_well_is_looked_at_without_harm) {
  open(in("data"));
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(commit(alice));
    EXPECT_TRUE(store().look());
  }
  EXPECT_EQ(store().health(), Health::writable);
}

TEST_F(RocksdbDirectory, that_is_removed_stops_writes) {
  open(in("data"));
  ASSERT_TRUE(commit(alice));
  std::filesystem::remove_all(path() / "data");
  expect_stopped("was removed or moved");
}

TEST_F(RocksdbDirectory, that_is_moved_stops_writes) {
  open(in("data"));
  ASSERT_TRUE(commit(alice));
  std::filesystem::rename(path() / "data", path() / "elsewhere");
  expect_stopped("was removed or moved");
}

TEST_F(RocksdbDirectory, that_is_replaced_stops_writes) {
  open(in("data"));
  ASSERT_TRUE(commit(alice));
  std::filesystem::rename(path() / "data", path() / "elsewhere");
  copy("elsewhere", "data");
  expect_stopped("is another directory");
}

TEST_F(RocksdbDirectory, that_is_emptied_stops_writes) {
  open(in("data"));
  ASSERT_TRUE(commit(alice));
  for (const auto& file : std::filesystem::directory_iterator(path() / "data")) {
    std::filesystem::remove_all(file.path());
  }
  expect_stopped("has lost its file");
}

TEST_F(RocksdbDirectory, that_has_lost_a_file_that_is_being_written_stops_writes) {
  for (const std::string file : {"log", "MANIFEST"}) {
    open(in("data"));
    ASSERT_TRUE(commit(alice));
    EXPECT_TRUE(store().look());
    for (const auto& name : names_in("data")) {
      if (name.ends_with("." + file) || name.starts_with(file + "-")) {
        std::filesystem::remove(path() / "data" / name);
      }
    }
    expect_stopped("has lost its file");
    close();
    std::filesystem::remove_all(path() / "data");
  }
}

TEST_F(RocksdbDirectory, in_which_something_else_has_the_name_of_a_file_is_damaged) {
  for (const auto* name : {"ACKED", "FORMAT"}) {
    open(in("data"));
    ASSERT_TRUE(commit(alice));
    close();
    std::filesystem::remove(path() / "data" / name);
    std::filesystem::create_directory(path() / "data" / name);
    const auto refused = open_rocksdb(in("data"));
    ASSERT_EQ(code_of(refused), ErrorCode::corrupt) << name;
    EXPECT_THAT(refused.error().detail, HasSubstr(std::string{name} + " is no file"));
    const auto report = check_rocksdb(path() / "data", {}, {});
    ASSERT_TRUE(report) << name;
    EXPECT_FALSE(report->findings.empty());
    std::filesystem::remove_all(path() / "data");
  }
}

TEST_F(RocksdbDirectory, whose_lock_file_is_anothers_stops_writes) {
  open(in("data"));
  ASSERT_TRUE(commit(alice));
  std::filesystem::remove(path() / "data" / "LOCK.perdure");
  write(path() / "data" / "LOCK.perdure", "1");
  expect_stopped("another lock file");
}

TEST_F(RocksdbDirectory, over_which_an_older_copy_is_laid_stops_writes) {
  open(in("data"));
  ASSERT_TRUE(commit(alice));
  close();
  copy("data", "backup");
  open(in("data"));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(commit(alice));
  copy("backup", "data");
  expect_stopped("ACKED");
}

TEST_F(RocksdbDirectory, that_is_another_by_now_keeps_what_a_second_store_has_made_in_it) {
  for (const bool is_kept : {true, false}) {
    for (const bool is_noticed : {true, false}) {
      fill("data");
      auto first = open_rocksdb(in("data")).value();
      ASSERT_TRUE(commit_one(*first, make_turn(first->epoch(), bob, 0)));
      copy_open("data", "backup");
      std::filesystem::rename(path() / "data", path() / "elsewhere");
      if (!is_kept) remove_open("elsewhere");
      copy("backup", "data");
      auto second = open_rocksdb(in("./data")).value();  // RocksDB knows its own by their paths
      ASSERT_TRUE(commit_one(*second, make_turn(second->epoch(), carol, 0)));
      if (is_noticed) {
        EXPECT_FALSE(first->look());
      }
      first.reset();
      second.reset();
      open(in("data"));
      for (const auto& object : {bob, carol}) EXPECT_TRUE(store().last_record(object).value());
      close();
      for (const auto* name : {"data", "backup", "elsewhere"}) {
        std::filesystem::remove_all(path() / name);
      }
    }
  }
}

TEST_F(RocksdbDirectory, whose_files_are_exchanged_keeps_the_ones_that_were_put_there) {
  for (const bool is_noticed : {true, false}) {
    fill("data");
    copy("data", "backup");
    const auto in_backup = names_in("backup");
    open(in("data"));
    ASSERT_TRUE(commit(alice));
    close();
    open(in("data"));
    for (const auto& file : std::filesystem::directory_iterator(path() / "data")) {
      std::filesystem::remove_all(file.path());
    }
    copy("backup", "data");
    if (is_noticed) {
      EXPECT_FALSE(store().look());
    }
    close();
    EXPECT_EQ(names_in("data"), in_backup);
    open(in("data"));
    EXPECT_TRUE(store().last_record(alice).value());
    close();
    for (const auto* name : {"data", "backup"}) std::filesystem::remove_all(path() / name);
  }
}

TEST_F(RocksdbDirectory, is_named_in_no_message_by_its_descriptor) {
  EXPECT_EQ(with_bare_names("While open: /proc/self/fd/17/000012.log: No such file"),
            "While open: 000012.log: No such file");
  EXPECT_EQ(with_bare_names("cannot open /proc/self/fd/17: x, /proc/self/fd/3"),
            "cannot open the data directory: x, the data directory");
}

TEST_F(RocksdbDirectory, that_was_moved_goes_on_as_it_was) {
  const auto before = identity_of("data");
  EXPECT_EQ(before.line, 0u);
  std::filesystem::rename(path() / "data", path() / "elsewhere");
  EXPECT_EQ(identity_of("elsewhere"), before);
  EXPECT_EQ(broken_.detail, "");
}

TEST_F(RocksdbDirectory, that_is_a_copy_goes_on_in_another_line) {
  const auto before = identity_of("data");
  copy("data", "copied");
  expect_broken("copied", before);
  EXPECT_EQ(identity_of("data"), before) << "the original is what it was";
}

TEST_F(RocksdbDirectory, in_whose_place_an_older_copy_was_put_goes_on_in_another_line) {
  const auto before = identity_of("data");
  copy("data", "backup");
  EXPECT_EQ(identity_of("data"), before);
  std::filesystem::remove_all(path() / "data");
  copy("backup", "data");
  expect_broken("data", before);
}

TEST_F(RocksdbDirectory, over_which_an_older_copy_was_laid_goes_on_in_another_line) {
  const auto before = identity_of("data");
  copy("data", "backup");
  EXPECT_EQ(identity_of("data"), before);
  copy("backup", "data");
  expect_broken("data", before);
}

TEST_F(RocksdbDirectory, whose_files_were_put_back_one_by_one_goes_on_in_another_line) {
  const auto before = identity_of("data");
  copy("data", "backup");
  for (const auto& file : std::filesystem::directory_iterator(path() / "data")) {
    std::filesystem::remove_all(file.path());
  }
  copy("backup", "data");
  expect_broken("data", before);
}

TEST_F(RocksdbDirectory, that_lacks_the_file_of_its_place_goes_on_in_another_line) {
  const auto before = identity_of("data");
  for (const auto& file : std::filesystem::directory_iterator(path() / "data")) {
    if (file.path().filename().string().starts_with("PLACE.")) std::filesystem::remove(file.path());
  }
  expect_broken("data", before);
}

}  // namespace
}  // namespace perdure::storage
