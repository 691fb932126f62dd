#include "runtime/cluster/leadership.hpp"

namespace troupe {

leadership::machine leadership::make(const config& settings, election_options options, vote_file file, random rng,
                                     time_point now) {
  if (settings.kvs.type == "local_standalone") {
    return machine(std::in_place_type<standalone_election>, std::move(options), std::move(file));
  }
  return machine(std::in_place_type<election>, std::move(options), std::move(file), std::move(rng), now);
}

leadership::leadership(const config& settings, election_options options, vote_file file, random rng, time_point now)
    : machine_(make(settings, std::move(options), std::move(file), std::move(rng), now)) {}

void leadership::on_start(bool by_seeds, time_point now, election_output& out) {
  std::visit(
      [&](auto& m) {
        if constexpr (std::is_same_v<std::decay_t<decltype(m)>, election>)
          m.on_start(by_seeds, now, out);
        else
          m.on_start(now, out);
      },
      machine_);
}

void leadership::on_member(const election_member& m, time_point now, election_output& out) {
  if (auto* e = std::get_if<election>(&machine_)) e->on_member(m, now, out);
}

void leadership::on_message(const member_ref& from, std::string_view bytes, time_point now, election_output& out) {
  if (auto* e = std::get_if<election>(&machine_)) e->on_message(from, bytes, now, out);
}

void leadership::on_digest(const member_ref& from, std::string_view bytes, time_point now, election_output& out) {
  if (auto* e = std::get_if<election>(&machine_)) e->on_digest(from, bytes, now, out);
}

void leadership::on_tick(time_point now, election_output& out) {
  if (auto* e = std::get_if<election>(&machine_)) e->on_tick(now, out);
}

void leadership::on_persisted(std::uint64_t token, time_point now, election_output& out) {
  std::visit([&](auto& m) { m.on_persisted(token, now, out); }, machine_);
}

void leadership::on_store(const store_answer& answer, time_point now, election_output& out) {
  if (auto* e = std::get_if<election>(&machine_)) e->on_store(answer, now, out);
}

void leadership::on_store_changed(time_point now, election_output& out) {
  if (auto* e = std::get_if<election>(&machine_)) e->on_store_changed(now, out);
}

expected<std::uint64_t> leadership::propose(record_change change, time_point now, election_output& out) {
  return std::visit([&](auto& m) { return m.propose(std::move(change), now, out); }, machine_);
}

void leadership::stand_aside(bool aside, time_point now, election_output& out) {
  if (auto* e = std::get_if<election>(&machine_)) e->stand_aside(aside, now, out);
}

void leadership::leave(time_point now, election_output& out) {
  if (auto* e = std::get_if<election>(&machine_)) e->leave(now, out);
}

expected<void> leadership::transfer(const std::string& name, time_point now, election_output& out) {
  if (auto* e = std::get_if<election>(&machine_)) return e->transfer(name, now, out);
  return fail(errc::unavailable, "this node leads itself alone");
}

time_point leadership::next_tick() const { return voting() ? voting()->next_tick() : time_point::max(); }

bool leadership::may_act(time_point now) const {
  return voting() ? voting()->may_act(now) : std::get<standalone_election>(machine_).may_act();
}

const std::optional<known_leader>& leadership::leader_now() const {
  return std::visit([](const auto& m) -> const std::optional<known_leader>& { return m.leader_now(); }, machine_);
}

const record_ptr& leadership::record() const {
  return std::visit([](const auto& m) -> const record_ptr& { return m.record(); }, machine_);
}

std::string leadership::digest() const { return voting() ? voting()->digest() : std::string{}; }

time_point leadership::lease_may_run_until(const std::string& member) const {
  return voting() ? voting()->lease_may_run_until(member) : time_point::min();
}

time_point leadership::earlier_lease_may_run_until(const std::string& member) const {
  return voting() ? voting()->earlier_lease_may_run_until(member) : time_point::min();
}

time_point leadership::serve_until() const {
  if (voting()) return voting()->own_lease().until;
  return keeps_its_pid() && leader_now() ? time_point::max() : time_point::min();
}

}  // namespace troupe
