#include "runtime/membership/flap_history.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::membership {

void flap_history::decay(const flap_rules& rules, time_point now) noexcept {
  if (now <= counted || penalty <= 0) return;
  const double half_lives =
      std::chrono::duration<double>(now - counted).count() / std::chrono::duration<double>(rules.half_life).count();
  penalty *= std::exp2(-half_lives);
  counted = now;
}

bool flap_history::note_return(const flap_rules& rules, time_point now) noexcept {
  decay(rules, now);
  penalty += 1;
  counted = now;
  if (penalty < rules.quarantine_penalty) return false;
  const double seconds =
      std::log2(penalty / rules.release_penalty) * std::chrono::duration<double>(rules.half_life).count();
  const auto length = std::chrono::duration_cast<duration>(std::chrono::duration<double>(seconds));
  quarantined_until = now + std::min(length, rules.quarantine_max);
  return true;
}

bool flap_history::release(time_point now) noexcept {
  if (!quarantined() || now < quarantined_until) return false;
  quarantined_until = time_point{};
  return true;
}

}  // namespace troupe::membership
