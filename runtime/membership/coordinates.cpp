#include "runtime/membership/coordinates.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace troupe::membership {

namespace {

constexpr double error_weight = 0.25;     // c_e of the paper
constexpr double movement_weight = 0.25;  // c_c
constexpr double gravity_radius = 150.0;  // seconds: the pull is felt only by places that drifted far
constexpr double tiny = 1e-6;

using vector = std::array<double, coordinate_dimensions>;

double length(const vector& v) { return std::sqrt(std::inner_product(v.begin(), v.end(), v.begin(), 0.0)); }

vector difference(const vector& a, const vector& b) {
  vector d{};
  for (std::size_t i = 0; i < d.size(); ++i) d[i] = a[i] - b[i];
  return d;
}

/// Without the adjustment terms.
double distance(const coordinate& a, const coordinate& b) {
  return length(difference(a.position, b.position)) + a.height + b.height;
}

double estimate(const coordinate& a, const coordinate& b) {
  const double raw = distance(a, b);
  const double adjusted = raw + a.adjustment + b.adjustment;
  return adjusted > 0 ? adjusted : raw;
}

bool within(double value, double bound) { return std::isfinite(value) && std::abs(value) <= bound; }

}  // namespace

bool coordinate::sound() const noexcept {
  const auto fits = [](double v) { return within(v, extent_max); };
  return std::all_of(position.begin(), position.end(), fits) && fits(height) && height >= 0 && fits(adjustment) &&
         within(error, error_max) && error >= 0;
}

duration round_trip_between(const coordinate& a, const coordinate& b) noexcept {
  return std::chrono::duration_cast<duration>(std::chrono::duration<double>(estimate(a, b)));
}

bool coordinates::on_sample(std::string_view name, const coordinate& place, duration round_trip) {
  if (!place.sound() || round_trip <= duration::zero() || round_trip > round_trip_max) {
    ++counters_.refused;
    return false;
  }
  auto at = peers_.find(name);
  if (at == peers_.end()) {
    if (peers_.size() >= peers_max) peers_.erase(peers_.begin());
    at = peers_.emplace(std::string(name), peer{}).first;
  }
  at->second.place = place;
  ++counters_.samples;
  const double seconds = filtered(at->second, std::chrono::duration<double>(round_trip).count());
  attract(place, seconds);
  adjust(place, seconds);
  coordinate origin;
  origin.height = 0;
  const double drift = distance(origin, own_);
  push(-std::pow(drift / gravity_radius, 2.0), origin);
  if (!own_.sound()) {
    own_ = {};
    errors_.fill(0);
    ++counters_.resets;
  }
  return true;
}

void coordinates::forget(std::string_view name) {
  if (const auto at = peers_.find(name); at != peers_.end()) peers_.erase(at);
}

const coordinate* coordinates::find(std::string_view name) const {
  const auto at = peers_.find(name);
  return at == peers_.end() ? nullptr : &at->second.place;
}

/// The median of the peer's last samples: one packet that waited in a queue moves nobody.
double coordinates::filtered(peer& p, double seconds) {
  p.samples.push_back(seconds);
  if (p.samples.size() > filter_samples) p.samples.erase(p.samples.begin());
  auto sorted = p.samples;
  std::sort(sorted.begin(), sorted.end());
  return sorted[sorted.size() / 2];
}

/// Figure 3 of the paper: move by a part of the error, the larger the surer the other one is.
void coordinates::attract(const coordinate& other, double seconds) {
  const double measured = std::max(seconds, tiny);
  const double estimated = estimate(own_, other);
  const double wrongness = std::abs(estimated - measured) / measured;
  const double weight = own_.error / std::max(own_.error + other.error, tiny);
  const double share = error_weight * weight;
  own_.error = std::min(coordinate::error_max, wrongness * share + own_.error * (1 - share));
  push(movement_weight * weight * (measured - estimated), other);
}

void coordinates::adjust(const coordinate& other, double seconds) {
  errors_[next_error_] = seconds - distance(own_, other);
  next_error_ = (next_error_ + 1) % errors_.size();
  const double sum = std::accumulate(errors_.begin(), errors_.end(), 0.0);
  own_.adjustment = sum / (2.0 * static_cast<double>(errors_.size()));
}

/// Away from `other` by `force` seconds; two at one place part in a random direction.
void coordinates::push(double force, const coordinate& other) {
  vector direction = difference(own_.position, other.position);
  double size = length(direction);
  const bool apart = size > tiny;
  while (size <= tiny) {
    for (double& d : direction) d = rng_.unit() - 0.5;
    size = length(direction);
  }
  for (std::size_t i = 0; i < direction.size(); ++i) own_.position[i] += direction[i] / size * force;
  if (apart) {
    own_.height = std::max(coordinate::height_min, own_.height + (own_.height + other.height) * force / size);
  }
}

}  // namespace troupe::membership
