#include "tests/sim/linearizability.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace troupe::sim {

namespace {

using state = std::optional<std::string>;
using kind = register_operation::kind;

std::string text_of(const state& s) { return s ? '"' + *s + '"' : "nothing"; }

std::string text_of(const register_operation& o) {
  const auto seconds = [](duration d) { return std::to_string(std::chrono::duration<double>(d).count()); };
  std::string text = seconds(o.begin) + " to " + (o.end == duration::max() ? "?" : seconds(o.end)) + " ";
  switch (o.what) {
    case kind::read: return text + "read " + text_of(o.value);
    case kind::write: return text + "write " + text_of(o.value);
    case kind::write_if: return text + "write " + text_of(o.value) + " over " + text_of(o.expected);
    case kind::write_if_missed: return text + "did not find " + text_of(o.expected);
  }
  return text;
}

/// The state after `o`; nothing when it cannot happen in `s`.
std::optional<state> after(const register_operation& o, const state& s) {
  switch (o.what) {
    case kind::read: return o.value == s ? std::optional<state>(std::in_place, s) : std::nullopt;
    case kind::write: return std::optional<state>(std::in_place, o.value);
    case kind::write_if: return o.expected == s ? std::optional<state>(std::in_place, o.value) : std::nullopt;
    case kind::write_if_missed: return o.expected != s ? std::optional<state>(std::in_place, s) : std::nullopt;
  }
  return std::nullopt;
}

/// Depth first over the orders; what is done is a set of bits, beside the state the memory of dead ends.
class search {
 public:
  explicit search(std::vector<register_operation> history) : history_(std::move(history)) {
    std::sort(history_.begin(), history_.end(), [](const auto& a, const auto& b) { return a.begin < b.begin; });
    done_.assign(history_.size(), false);
    for (const auto& o : history_) left_ += o.end != duration::max() ? 1 : 0;
  }

  [[nodiscard]] bool finds_an_order(const state& initial) {
    struct frame {
      std::size_t chosen;
      state before;
    };
    std::vector<frame> path;
    state now = initial;
    std::size_t from = 0;
    while (left_ > 0) {
      if (++steps_ > history_steps_max) return true;
      const auto next = choose(from, now);
      if (next) {
        path.push_back({*next, now});
        now = *after(history_[*next], now);
        mark(*next, true);
        from = 0;
        if (seen_.insert(key_of(now)).second) continue;
      }
      if (path.empty()) return false;
      if (left_ < best_) {
        best_ = left_;
        best_done_ = done_;
        best_state_ = now;
      }
      from = path.back().chosen + 1;
      now = path.back().before;
      mark(path.back().chosen, false);
      path.pop_back();
    }
    return true;
  }

  [[nodiscard]] bool given_up() const { return steps_ > history_steps_max; }

  [[nodiscard]] std::string complaint() const {
    std::string text =
        "no order explains the answers; the longest try ended with " + text_of(best_state_) + " and these were left:";
    std::size_t shown = 0;
    for (std::size_t i = 0; i < history_.size() && shown < 12; ++i) {
      if (best_done_.empty() || best_done_[i]) continue;
      text += "\n  " + text_of(history_[i]);
      ++shown;
    }
    return text;
  }

 private:
  void mark(std::size_t i, bool done) {
    done_[i] = done;
    if (history_[i].end != duration::max()) left_ = done ? left_ - 1 : left_ + 1;
    if (done && i == first_) {
      while (first_ < done_.size() && done_[first_]) ++first_;
    } else if (!done) {
      first_ = std::min(first_, i);
    }
  }

  /// The next operation from index `from` on that may come first among those that are left: it began before
  /// any of them ended.
  [[nodiscard]] std::optional<std::size_t> choose(std::size_t from, const state& now) const {
    auto earliest_end = duration::max();
    for (std::size_t i = first_; i < history_.size(); ++i) {
      if (history_[i].begin > earliest_end) break;
      if (!done_[i]) earliest_end = std::min(earliest_end, history_[i].end);
    }
    for (std::size_t i = std::max(from, first_); i < history_.size() && history_[i].begin <= earliest_end; ++i) {
      if (!done_[i] && after(history_[i], now)) return i;
    }
    return std::nullopt;
  }

  [[nodiscard]] std::string key_of(const state& now) const {
    std::string key = std::to_string(first_) + ':';
    std::size_t last = history_.size();
    while (last > first_ && !done_[last - 1]) --last;
    for (std::size_t i = first_; i < last; ++i) key.push_back(done_[i] ? '1' : '0');
    return key + (now ? "=" + *now : "-");
  }

  std::vector<register_operation> history_;
  std::vector<bool> done_;
  std::size_t first_ = 0;  // not done
  std::size_t left_ = 0;   // that must be done
  std::unordered_set<std::string> seen_;
  std::size_t steps_ = 0;
  std::size_t best_ = SIZE_MAX;
  std::vector<bool> best_done_;
  state best_state_;
};

}  // namespace

std::string explain_history(std::vector<register_operation> history, std::optional<std::string> initial) {
  search s(std::move(history));
  const bool found = s.finds_an_order(initial);
  if (s.given_up()) return "not decided: the history is too wide";
  return found ? std::string() : s.complaint();
}

}  // namespace troupe::sim
