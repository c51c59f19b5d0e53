// SPDX-License-Identifier: Apache-2.0
// Callers in the server's own process who make call after call and wait for none: an object runs
// those of one caller in their order, and a call that is refused, for want of a place or of a disk,
// is told so and changes nothing.
#include <algorithm>
#include <map>

#include "deeds.hpp"
#include "workloads.hpp"

namespace perdure::sim {
namespace {

constexpr std::size_t callers = 3;
constexpr std::size_t books = 2;

struct Book {
  std::map<std::string, std::vector<int>> lines;  ///< numbers of calls, by caller
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Book, lines)

ObjectId book(std::size_t number) { return {"book", "b" + std::to_string(number)}; }

/// A call that was made. Until it is answered nobody knows.
struct Made {
  std::size_t book;
  std::string caller;
  std::uint64_t life;
  enum class Fate { unknown, done, refused } fate = Fate::unknown;
  bool answered = false;
};

class Callers final : public perdure::testing::Workload {
 public:
  explicit Callers(std::size_t clients) : left_(150), burst_max_(2 * clients) {}

  std::vector<Kind> kinds() override {
    return {kind<Book>("book").command("write", [this](Turn& turn, Book& self, const Json& line) {
      auto& lines = self.lines[line.at("caller")];
      const auto number = line.at("number").get<int>();
      expect(lines.empty() || lines.back() < number,
             turn.object().id + " runs call " + std::to_string(number) + " of one caller after " +
                 (lines.empty() ? "" : std::to_string(lines.back())));
      lines.push_back(number);
    })};
  }

  void step() override {
    if (left_ == 0 || !chance().one_in(4)) return;
    const auto which = chance().below(books);
    const auto caller = "c" + std::to_string(chance().below(callers));
    for (auto calls = 1 + chance().below(burst_max_); calls > 0 && left_ > 0; --calls) {
      make(which, caller);
    }
  }
  bool finished() override {
    return left_ == 0 && std::ranges::all_of(made_, [this](const auto& numbered) {
             return numbered.second.answered || numbered.second.life != world().life();
           });
  }
  std::string state() override { return std::to_string(left_) + " calls are to be made"; }

  void check() override {
    std::map<int, int> times;
    for (std::size_t i = 0; i < books; ++i) {
      const auto view = world().runtime().inspect(book(i));
      if (!view) continue;
      for (const auto& [caller, lines] : view->state.get<Book>().lines) {
        for (const auto number : lines) {
          ++times[number];
          const auto& made = made_.at(number);
          expect(made.book == i && made.caller == caller, "a call is with somebody else");
        }
      }
    }
    for (const auto& [number, made] : made_) {
      const auto text = "call " + std::to_string(number) + " took effect " +
                        std::to_string(times[number]) + " times, but its caller was told ";
      expect(times[number] <= 1, text + "nothing of the kind");
      expect(made.fate != Made::Fate::done || times[number] == 1, text + "that it is done");
      expect(made.fate != Made::Fate::refused || times[number] == 0, text + "that it is refused");
    }
  }

 private:
  void make(std::size_t which, const std::string& caller) {
    --left_;
    const auto number = next_++;
    made_[number] = {.book = which, .caller = caller, .life = world().life()};
    world().runtime().call({.target = book(which),
                            .name = "write",
                            .payload = {{"caller", caller}, {"number", number}}},
                           [this, number, life = world().life()](const Result<Reply>& reply) {
                             if (life != world().life()) return;
                             auto& made = made_.at(number);
                             expect(!made.answered, "a call is answered twice");
                             made.answered = true;
                             if (reply) {
                               made.fate = Made::Fate::done;
                             } else if (reply.error().code != ErrorCode::outcome_unknown) {
                               made.fate = Made::Fate::refused;
                             }
                           });
  }

  int left_;  ///< calls to make
  const std::size_t burst_max_;
  int next_ = 1;
  std::map<int, Made> made_;  ///< by number, in the order in which they were made
};

}  // namespace

std::unique_ptr<perdure::testing::Workload> make_callers(std::size_t clients) {
  return std::make_unique<Callers>(clients);
}

}  // namespace perdure::sim
