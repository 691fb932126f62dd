// The state that the last instance at a node gave before it ended, and who may have it.
//
// Only the first holder after that instance: what came between a later one and this state would be undone by it. The
// same one may ask again, since an answer may be lost. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace troupe {

class kept_state {
 public:
  /// Of the instance that ended here under `token`; none: it gave none.
  void keep(std::uint64_t token, std::optional<std::string> state) {
    state_ = std::move(state);
    token_ = token;
    successor_ = 0;
    given_ = false;
  }
  /// Somebody holds the role under `token`.
  void on_holder(std::uint64_t token) {
    if (token_ != 0 && successor_ == 0 && token > token_) successor_ = token;
  }
  /// For the holder under `token` at another node; none: it is not the one, or nothing is kept.
  [[nodiscard]] std::optional<std::string> give(std::uint64_t token) {
    on_holder(token);
    if (!state_ || token != successor_) return std::nullopt;
    given_ = true;
    return state_;
  }
  /// For an instance here that follows the one of `last`; it is kept no more.
  [[nodiscard]] std::optional<std::string> take(std::uint64_t last) {
    return token_ == last ? std::exchange(state_, std::nullopt) : std::nullopt;
  }
  void forget() { state_.reset(); }
  /// A state of the instance of `token` is kept.
  [[nodiscard]] bool is_of(std::uint64_t token) const { return state_.has_value() && token_ == token; }
  /// Nobody has it yet.
  [[nodiscard]] bool awaits() const { return state_.has_value() && !given_; }

 private:
  std::optional<std::string> state_;
  std::uint64_t token_ = 0;      // of the instance, whether it gave a state or not
  std::uint64_t successor_ = 0;  // who may have it
  bool given_ = false;
};

}  // namespace troupe
