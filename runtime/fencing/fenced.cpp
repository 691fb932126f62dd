#include <charconv>

#include <troupe/fenced.hpp>

#include "runtime/election/record.hpp"

namespace troupe {

std::string fenced::text() const { return std::to_string(term_) + "-" + to_string(leader_); }

expected<fenced> fenced::parse(std::string_view text) {
  std::uint64_t term = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, term);
  const bool number = read.ec == std::errc() && read.ptr != end && *read.ptr == '-' && term != 0 && term < term_max;
  const auto leader =
      number ? parse_incarnation_id({read.ptr + 1, static_cast<std::size_t>(end - read.ptr - 1)}) : incarnation_id{};
  fenced token(term, leader);
  if (leader.empty() || token.text() != text) return fail(errc::corrupt, "not a fencing token");
  return token;
}

expected<void> fence::admit(const fenced& token) {
  const bool lower = highest_ && token.term() < highest_->term();
  const bool second = highest_ && token.term() == highest_->term() && token.leader() != highest_->leader();
  if (lower || second) {
    ++refused_;
    return fail(errc::stale_term, lower ? "term " + std::to_string(token.term()) + ", but " +
                                              std::to_string(highest_->term()) + " was here"
                                        : "a second leader of term " + std::to_string(token.term()));
  }
  if (!highest_ || token.term() > highest_->term()) highest_ = token;
  return {};
}

}  // namespace troupe
