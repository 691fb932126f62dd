// User events, queries, tags and round trips of the cluster: the machine's door to membership::talk.
#include <set>
#include <utility>

#include "runtime/cluster/cluster_machine.hpp"
#include "runtime/membership/shown.hpp"
#include "runtime/modules/module_world.hpp"

namespace troupe {

expected<std::uint64_t> cluster_machine::raise_event(std::string name, std::string payload, time_point now,
                                                     cluster_output& out) {
  auto said = talk_.raise(std::move(name), std::move(payload), now);
  settle(now, out);
  return said;
}

expected<std::uint64_t> cluster_machine::ask(query q, time_point now, cluster_output& out) {
  membership::announcement probe;
  probe.tags = q.tags;
  probe.service = q.service;
  std::set<std::string> asked;
  for (const auto& [name, r] : members_.others()) {
    if (membership::is_asked(probe, r)) asked.insert(name);
  }
  auto said = talk_.ask(std::move(q), std::move(asked), members_.self(), now);
  settle(now, out);
  return said;
}

void cluster_machine::answer_query(const membership::announcement_id& id, std::optional<std::string> payload,
                                   time_point now, cluster_output& out) {
  talk_.answer(id, std::move(payload), now);
  settle(now, out);
}

expected<std::map<std::string, std::string>> cluster_machine::change_tags(const membership::tag_change& change,
                                                                          time_point now, cluster_output& out) {
  auto told = members_.self().told;
  auto tags = membership::changed(std::move(told.tags), change);
  if (!tags) return tags;
  told.tags = *tags;
  auto done = members_.set_local(std::move(told), now, m_);
  if (!done) return tl::unexpected(std::move(done.error()));
  settle(now, out);
  return tags;
}

expected<void> cluster_machine::change_services(offer o, time_point now, cluster_output& out) {
  auto told = members_.self().told;
  told.services = std::move(o.services);
  std::erase_if(told.tags, [](const auto& tag) { return tag.first.starts_with(export_tag); });
  told.tags.merge(o.export_tags);
  if (told == members_.self().told) return {};
  if (auto done = members_.set_local(std::move(told), now, m_); !done) return done;
  settle(now, out);
  return {};
}

expected<duration> cluster_machine::round_trip(std::string_view a, std::string_view b) const {
  for (const auto name : {a, b}) {
    const auto* r = members_.find(name);
    const bool there = r != nullptr && membership::is_live(r->state);
    if (!there) return fail(errc::not_found, "no live member '" + std::string(name) + "'");
  }
  return talk_.round_trip(a, b);
}

void cluster_machine::carry_talk(time_point now, cluster_output& out) {
  members_.carry_rides(now, m_);
  auto said = talk_.take_output();
  for (auto& e : said.events) out.events.push_back({"user_event", membership::fields_of(std::move(e))});
  for (auto& a : said.asked) out.asked.push_back(std::move(a));
  for (auto& f : said.finished) out.finished.push_back(std::move(f));
}

}  // namespace troupe
