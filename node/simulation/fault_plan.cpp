#include <troupe/fault_plan.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "runtime/base/random.hpp"

namespace troupe {

namespace {

using std::chrono::milliseconds;
using kind = planned_fault::kind;

constexpr std::size_t faults_max = 1000;
constexpr duration time_max = std::chrono::hours(1);
constexpr duration lasts_least = milliseconds(10);
constexpr std::string_view no_faults = "no faults";

constexpr std::array<std::pair<std::string_view, kind>, 5> words{{{"kill", kind::kill},
                                                                  {"pause", kind::pause},
                                                                  {"partition", kind::partition},
                                                                  {"loss", kind::loss},
                                                                  {"delay", kind::delay}}};

std::string_view word_of(kind k) {
  return std::find_if(words.begin(), words.end(), [k](const auto& w) { return w.second == k; })->first;
}

duration whole_ms(duration d) { return std::chrono::duration_cast<milliseconds>(d); }

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find(at), text.size());
    if (end > 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t n = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), n);
  return fault == std::errc() && end == text.data() + text.size() ? std::optional(n) : std::nullopt;
}

std::optional<duration> time(std::string_view text) {
  const auto d = parse_duration(text);
  return d && *d <= time_max ? std::optional(*d) : std::nullopt;
}

// WORD what... at TIME for TIME
std::optional<planned_fault> parse_one(const std::vector<std::string_view>& parts) {
  if (parts.size() < 6 || parts[parts.size() - 4] != "at" || parts[parts.size() - 2] != "for") return std::nullopt;
  const auto word = std::find_if(words.begin(), words.end(), [&](const auto& w) { return w.first == parts[0]; });
  const auto at = time(parts[parts.size() - 3]);
  const auto lasts = time(parts.back());
  if (word == words.end() || !at || !lasts) return std::nullopt;
  planned_fault f;
  f.what = word->second;
  f.at = *at;
  f.lasts = *lasts;
  for (std::size_t i = 1; i + 4 < parts.size(); ++i) {
    const auto part = parts[i];
    if (f.what == kind::loss) {
      const auto percent = part.ends_with('%') ? number(part.substr(0, part.size() - 1)) : std::nullopt;
      if (!percent || *percent > 100) return std::nullopt;
      f.percent = *percent;
    } else if (f.what == kind::delay) {
      const auto longer = time(part);
      if (!longer) return std::nullopt;
      f.delay = *longer;
    } else {
      const auto node = part.starts_with('n') ? number(part.substr(1)) : std::nullopt;
      if (!node || *node == 0) return std::nullopt;
      f.nodes.push_back(*node - 1);
    }
  }
  const bool one = f.what != kind::partition;
  return one && parts.size() != 6 ? std::nullopt : std::optional(std::move(f));
}

kind draw_kind(const fault_rates& rates, double total, random& rng) {
  double drawn = rng.unit() * total;
  for (const auto& [rate, k] : {std::pair(rates.kills, kind::kill), std::pair(rates.pauses, kind::pause),
                                std::pair(rates.partitions, kind::partition), std::pair(rates.losses, kind::loss)}) {
    if (drawn < rate) return k;
    drawn -= rate;
  }
  return kind::delay;
}

void draw_details(planned_fault& f, std::size_t nodes, random& rng) {
  switch (f.what) {
    case kind::kill:
    case kind::pause: f.nodes = {rng.below(nodes)}; break;
    case kind::partition: {
      std::vector<std::size_t> all(nodes);
      for (std::size_t i = 0; i < nodes; ++i) all[i] = i;
      rng.shuffle(all);
      all.resize(1 + rng.below(std::max<std::uint64_t>(1, nodes / 2)));
      std::sort(all.begin(), all.end());
      f.nodes = std::move(all);
      break;
    }
    case kind::loss: f.percent = static_cast<std::uint32_t>(5 + rng.below(26)); break;
    case kind::delay: f.delay = milliseconds(10 + rng.below(200)); break;
  }
}

}  // namespace

std::string to_text(const fault_plan& plan) {
  std::string text;
  for (const auto& f : plan) {
    if (!text.empty()) text += "; ";
    text += word_of(f.what);
    for (const auto n : f.nodes) text += " n" + std::to_string(n + 1);
    if (f.what == kind::loss) text += " " + std::to_string(f.percent) + "%";
    if (f.what == kind::delay) text += " " + format_duration(f.delay);
    text += " at " + format_duration(f.at) + " for " + format_duration(f.lasts);
  }
  return text.empty() ? std::string(no_faults) : text;
}

expected<fault_plan> parse_fault_plan(std::string_view text) {
  fault_plan plan;
  if (text == no_faults) return plan;
  for (const auto part : split(text, ';')) {
    auto f = parse_one(split(part, ' '));
    if (!f) return fail(errc::invalid_argument, "no fault: " + std::string(part));
    plan.push_back(std::move(*f));
    if (plan.size() > faults_max) return fail(errc::invalid_argument, "a plan has at most 1000 faults");
  }
  return plan;
}

std::string fault_of(const fault_plan& plan, std::size_t nodes) {
  if (plan.size() > faults_max) return "a plan has at most 1000 faults";
  for (const auto& f : plan) {
    const auto words = to_text({f});
    if (f.at < duration::zero() || f.lasts < duration::zero() || f.at > time_max || f.lasts > time_max)
      return "a time below 0 or beyond an hour: " + words;
    const bool of_nodes = f.what == kind::kill || f.what == kind::pause || f.what == kind::partition;
    const bool one = of_nodes && f.what != kind::partition;
    if (of_nodes && (f.nodes.empty() || (one && f.nodes.size() != 1))) return "the wrong number of nodes: " + words;
    if (std::any_of(f.nodes.begin(), f.nodes.end(), [nodes](std::size_t n) { return n >= nodes; }))
      return "there is no such node: " + words;
    if (f.percent > 100) return "more than 100 of 100: " + words;
  }
  return {};
}

// Most faults are short: the square of a uniform draw.
fault_plan draw_fault_plan(const fault_rates& rates, std::size_t nodes, duration length, std::uint64_t seed) {
  random rng(seed);
  fault_plan plan;
  const double total = rates.kills + rates.pauses + rates.partitions + rates.losses + rates.delays;
  if (!(total > 0) || nodes == 0) return plan;
  const auto gap_max = duration(static_cast<duration::rep>(2 * 60e9 / total));
  duration kill_not_before{};
  for (duration at = rng.between(duration(0), gap_max); at < length && plan.size() < faults_max;
       at += rng.between(milliseconds(10), gap_max)) {
    const double share = rng.unit();
    planned_fault f;
    f.what = draw_kind(rates, total, rng);
    f.at = whole_ms(at);
    const auto lasts = static_cast<double>(rates.lasts_max.count()) * share * share;
    f.lasts = whole_ms(lasts_least + duration(static_cast<duration::rep>(lasts)));
    f.lasts = std::min(f.lasts, std::max<duration>(lasts_least, whole_ms(length - f.at)));
    draw_details(f, nodes, rng);
    if (f.what == kind::kill) {
      if (f.at < kill_not_before) continue;
      kill_not_before = f.at + f.lasts + rates.between_kills;
    }
    plan.push_back(std::move(f));
  }
  return plan;
}

}  // namespace troupe
