#include "runtime/membership/suspicion.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::membership {

duration suspicion_length(duration shortest, duration longest, std::uint32_t confirmations,
                          std::uint32_t wanted) noexcept {
  if (wanted == 0 || confirmations >= wanted) return shortest;
  const double share = std::log(confirmations + 1.0) / std::log(wanted + 1.0);
  const auto range = static_cast<double>((longest - shortest).count());
  return std::max(shortest, longest - duration(static_cast<duration::rep>(range * share)));
}

suspicion::suspicion(const bounds& b, const std::string& by, time_point now) : bounds_(b), first_(by), start_(now) {}

bool suspicion::confirm(const std::string& by) {
  if (confirmed_.size() >= std::max(bounds_.wanted, bounds_.kept) || by == first_) return false;
  return confirmed_.insert(by).second;
}

bool suspicion::confirm_closed(const std::string& by, time_point now) {
  if (closed_.size() >= bounds_.closed_wanted || !closed_.insert(by).second) return false;
  if (closed_.size() >= bounds_.closed_wanted) closed_deadline_ = now + bounds_.closed_length;
  return true;
}

time_point suspicion::deadline() const noexcept {
  const auto count = static_cast<std::uint32_t>(confirmed_.size());
  const auto by_time = start_ + suspicion_length(bounds_.shortest, bounds_.longest, count, bounds_.wanted);
  return std::min(closed_deadline_, std::max(not_before_, by_time));
}

void suspicion::postpone(time_point until) noexcept {
  not_before_ = until;
  if (closed_deadline_ != time_point::max()) closed_deadline_ = std::max(closed_deadline_, until);
}

void suspicion::extend(duration late) noexcept {
  start_ += late;
  if (closed_deadline_ != time_point::max()) closed_deadline_ += late;
  if (not_before_ != time_point::min()) not_before_ += late;
}

}  // namespace troupe::membership
