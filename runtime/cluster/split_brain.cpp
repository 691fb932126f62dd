#include "runtime/cluster/split_brain.hpp"

#include <utility>

namespace troupe {

namespace {

std::string of(std::size_t part, std::size_t whole, const char* what) {
  return "hears " + std::to_string(part) + " of " + std::to_string(whole) + " " + what;
}

}  // namespace

split_policy split_policy_of(std::string_view word) noexcept {
  if (word == "static_quorum") return split_policy::static_quorum;
  if (word == "keep_oldest") return split_policy::keep_oldest;
  return word == "none" ? split_policy::none : split_policy::keep_majority;
}

std::string split_brain::fault_of(const settings& s, const split_picture& p) {
  if (s.policy == split_policy::none) return {};
  if (s.policy == split_policy::keep_oldest) {
    if (p.oldest.empty()) return {};
    const bool oldest_is_alone = p.known > 2 && p.known - p.heard == 1;
    if (!p.oldest_heard && oldest_is_alone) return {};
    if (!p.oldest_heard) return "does not hear the oldest member, " + std::string(p.oldest);
    return p.heard == 1 && p.known > 2 ? "is the oldest member and hears nobody else" : std::string{};
  }
  if (p.store_decides && s.policy == split_policy::keep_majority) return {};
  if (p.heard == 1 && p.known > 1) return of(0, p.known - 1, "other members");
  if (s.policy == split_policy::static_quorum) {
    return p.heard < s.quorum ? of(p.heard, s.quorum, "members that the quorum needs") : std::string{};
  }
  return p.voters > 0 && p.voters_heard * 2 <= p.voters ? of(p.voters_heard, p.voters, "voters") : std::string{};
}

bool split_brain::on_picture(const split_picture& p, time_point now) {
  auto fault = fault_of(settings_, p);
  if (fault.empty()) {
    doubted_ = false;
    return !std::exchange(cut_off_, {}).empty();
  }
  if (!cut_off_.empty()) {
    const bool changed = cut_off_ != fault;
    cut_off_ = std::move(fault);
    return changed;
  }
  if (!doubted_) {
    doubted_ = true;
    verdict_at_ = now + settings_.settle;
  }
  if (now < verdict_at_) return false;
  doubted_ = false;
  cut_off_ = std::move(fault);
  return true;
}

bool split_brain::stands_aside() const noexcept {
  const bool narrower =
      settings_.policy == split_policy::static_quorum || settings_.policy == split_policy::keep_oldest;
  return narrower && !cut_off_.empty();
}

}  // namespace troupe
