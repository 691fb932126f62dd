#include "gateways/resp/door_numbers.hpp"

#include <array>

#include "gateways/resp/command_table.hpp"

namespace troupe::resp {

namespace {

constexpr std::array resettable = {&lane_numbers::accepted,       &lane_numbers::commands,
                                   &lane_numbers::refused_limit,  &lane_numbers::refused_protected,
                                   &lane_numbers::closed_slow,    &lane_numbers::closed_idle,
                                   &lane_numbers::hits,           &lane_numbers::misses,
                                   &lane_numbers::bytes_in,       &lane_numbers::bytes_out,
                                   &lane_numbers::errors,         &lane_numbers::messages,
                                   &lane_numbers::protocol_errors};

}  // namespace

void lane_numbers::count_error(std::string_view reply) {
  errors.add(1);
  auto kind = reply.substr(0, reply.find_first_of(" \r"));
  if (kind.starts_with('-')) kind.remove_prefix(1);
  const std::lock_guard lock(errors_mutex_);
  const auto found = errors_.find(kind);
  if (found != errors_.end())
    ++found->second;
  else if (errors_.size() < error_kinds_max)
    errors_.emplace(kind, 1);
}

std::map<std::string, std::uint64_t> lane_numbers::error_kinds() const {
  const std::lock_guard lock(errors_mutex_);
  return {errors_.begin(), errors_.end()};
}

door_numbers::door_numbers(std::size_t lanes) : lanes_(lanes), before_(resettable.size()) {
  for (auto& lane : lanes_) lane.by_command = std::vector<command_tally>(all_commands().size());
  commands_before_.resize(all_commands().size());
}

std::uint64_t door_numbers::sum(tally lane_numbers::*which) const noexcept {
  std::uint64_t total = 0;
  for (const auto& lane : lanes_) total += (lane.*which).read();
  return total;
}

std::uint64_t door_numbers::shown(tally lane_numbers::*which) const {
  const auto now = sum(which);
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < resettable.size(); ++i) {
    if (resettable[i] == which) return now - before_[i];
  }
  return now;
}

std::vector<command_numbers> door_numbers::commands() const {
  std::vector<command_numbers> all(all_commands().size());
  for (const auto& lane : lanes_) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto& t = lane.by_command[i];
      all[i].calls += t.calls.read();
      all[i].nanoseconds += t.nanoseconds.read();
      all[i].rejected += t.rejected.read();
      all[i].failed += t.failed.read();
    }
  }
  return all;
}

std::map<std::string, std::uint64_t> door_numbers::errors() const {
  std::map<std::string, std::uint64_t> all;
  for (const auto& lane : lanes_) {
    for (const auto& [kind, count] : lane.error_kinds()) all[kind] += count;
  }
  return all;
}

std::vector<command_numbers> door_numbers::commands_shown() const {
  auto all = commands();
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].calls -= commands_before_[i].calls;
    all[i].nanoseconds -= commands_before_[i].nanoseconds;
    all[i].rejected -= commands_before_[i].rejected;
    all[i].failed -= commands_before_[i].failed;
  }
  return all;
}

std::map<std::string, std::uint64_t> door_numbers::errors_shown() const {
  auto all = errors();
  const std::lock_guard lock(mutex_);
  for (const auto& [kind, count] : errors_before_) {
    if ((all[kind] -= count) == 0) all.erase(kind);
  }
  return all;
}

void door_numbers::reset_shown() {
  auto now = commands();
  auto kinds = errors();
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < resettable.size(); ++i) before_[i] = sum(resettable[i]);
  commands_before_ = std::move(now);
  errors_before_ = std::move(kinds);
}

}  // namespace troupe::resp
