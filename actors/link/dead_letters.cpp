#include "actors/link/dead_letters.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace troupe {

namespace {

constexpr const char* name_of_way(dead_letters::way w) noexcept { return w == dead_letters::way::out ? "out" : "in"; }

// Those that messages can die of.
constexpr std::array reasons{errc::invalid_argument, errc::not_found,       errc::too_large,       errc::unavailable,
                             errc::peer_lost,        errc::not_implemented, errc::outcome_unknown, errc::corrupt};

}  // namespace

void dead_letters::note(way w, const error& why, time_point now) {
  auto& r = rows_[row_of(w, why.code)];
  const auto count = r.count.fetch_add(1, std::memory_order_relaxed) + 1;
  if (log_ == nullptr) return;
  std::uint64_t news = 0;
  {
    const std::lock_guard lock(mutex_);
    if (r.line != time_point{} && now < r.line + line_interval) return;
    r.line = now;
    news = count - std::min(count, std::exchange(r.told, count));
  }
  log_->warn("actors", "dead_letters",
             {{"direction", name_of_way(w)}, {"reason", name_of(why.code)}, {"words", why.context}, {"count", news}});
}

void dead_letters::register_metrics(metrics& m, const std::shared_ptr<dead_letters>& letters) {
  for (const auto w : {way::out, way::in}) {
    for (const auto why : reasons) {
      m.read_counter("troupe_actors_dead_letters_total", "Messages between actors of two nodes that reached nobody",
                     {{"direction", name_of_way(w)}, {"reason", std::string(name_of(why))}},
                     [letters, w, why] { return static_cast<double>(letters->count(w, why)); });
    }
  }
}

}  // namespace troupe
