// What membership and election say, turned into what the other has to know and what people are told.
#include <charconv>

#include "runtime/base/overloaded.hpp"
#include "runtime/cluster/cluster_machine.hpp"
#include "runtime/membership/shown.hpp"

namespace troupe {

namespace {

std::int32_t priority_of(std::string_view meta) {
  std::int32_t priority = 0;
  std::from_chars(meta.data(), meta.data() + meta.size(), priority);
  return priority;
}

}  // namespace

void cluster_machine::on_membership(const membership::event& e, time_point now, cluster_output& out) {
  using kind = membership::event_kind;
  if (e.kind == kind::digest_changed) {
    lead_.on_digest({e.name, e.id}, e.text, now, e_);
    return;
  }
  if (e.kind == kind::left) out.departed = true;
  if (e.kind == kind::expelled) on_expelled(out);
  if (e.kind == kind::member_failed) out.failed.push_back(e.id);
  if (const auto* r = members_.find(e.name); r != nullptr && r->id == e.id) put_member(*r, now);
  if (e.kind == kind::member_updated) return;  // seen in the picture; no news for a person

  out.events.push_back({std::string(membership::name_of(e.kind)), membership::fields_of(e)});
}

// The others hold this process for departed and hear it no more: it was silent while it departed, or an operator
// said so. A departure is over then; one that was not meant to depart has to end and start again.
void cluster_machine::on_expelled(cluster_output& out) {
  expelled_ = true;
  if (departure_ == departure::none)
    out.expelled = true;
  else
    out.departed = true;
}

void cluster_machine::put_member(const membership::record& r, time_point now) {
  lead_.on_member({{r.name, r.id}, r.state, r.address, priority_of(r.told.meta)}, now, e_);
  tend_table_ = true;
}

void cluster_machine::on_election(const election_event& happened, time_point now, cluster_output& out) {
  out.picture_changed = true;
  tend_table_ = true;
  const auto tell = [&](const char* kind, std::vector<std::pair<std::string, std::string>> fields) {
    out.events.push_back({kind, std::move(fields)});
  };
  std::visit(overloaded{
                 [&](const leader_elected& l) {
                   std::vector<std::pair<std::string, std::string>> fields{{"name", l.who.name},
                                                                           {"pid", std::to_string(l.pid)},
                                                                           {"term", std::to_string(l.term)},
                                                                           {"fenced", l.fenced ? "true" : "false"}};
                   if (!l.fenced) fields.emplace_back("fenced_reason", l.fenced_reason);
                   if (!l.cause.empty()) fields.emplace_back("change", l.cause);
                   tell("leader_elected", std::move(fields));
                 },
                 [&](const leader_lost& l) {
                   last_leader_ = ended_leader{l, now};
                   tell("leader_lost", {{"name", l.who.name}, {"term", std::to_string(l.term)}, {"reason", l.reason}});
                 },
                 [&](const became_leader&) {
                   led_since_ = now;
                   locks_.begin(now);
                 },
                 [&](const stepped_down& s) {
                   led_since_.reset();
                   locks_.end();
                   lock_proposal_.reset();
                   table_proposal_.reset();
                   table_again_ = time_point::max();
                   words_.clear();
                   restoration_.forget();
                   tell("stepped_down", {{"term", std::to_string(s.term)}, {"reason", s.reason}});
                 },
                 [&](const pid_given& p) {
                   tell("pid_given", {{"name", p.who.name}, {"pid", std::to_string(p.pid)}});
                 },
                 [&](const record_committed& r) {
                   on_lock_table(*r.record, now, out);
                   on_record(*r.record, out);
                 },
                 [&](const proposal_ended& p) {
                   if (table_proposal_ == p.proposal) table_proposal_.reset();
                   if (lock_proposal_ == p.proposal) lock_proposal_.reset();
                 },
                 [&](const bootstrap_refused& b) {
                   tell("join_refused", {{"reason", b.reason}});
                 },
                 [&](const store_changed& s) {
                   tell(s.fault.empty() ? "leader_store_ok" : "leader_store_failed", {{"reason", s.fault}});
                 },
                 [&](const leader_in_store& l) {
                   store_seed_ = l.address;
                   give_seeds(now);
                   tell("leader_in_store", {{"address", l.address}});
                 },
                 [&](const handover_ended& h) {
                   if (h.fault.empty()) return;
                   out.transfer_fault = h.fault;
                   tell("leader_transfer_failed", {{"to", h.to}, {"reason", h.fault}});
                 },
                 [&](const joiner_refused& j) {
                   tell("joiner_refused", {{"name", j.who.name}, {"reason", j.reason}});
                 },
             },
             happened);
  if (const auto& record = lead_.record(); record && !held_.shards.empty()) on_record(*record, out);
}

void cluster_machine::on_record(const cluster_record& record, cluster_output& out) {
  if (record.shard_table.empty() || shards_begin_anew_ || record.at <= table_.stamp) return;
  if (!may_decide_by(record)) return;
  auto table = decode_shard_table(record.shard_table);
  if (!table) {
    out.events.push_back({"record_damaged", {{"reason", table.error().context}}});
    return;
  }
  table_ = std::move(*table);
  table_.stamp = record.at;
  out.table_changed = true;
}

}  // namespace troupe
