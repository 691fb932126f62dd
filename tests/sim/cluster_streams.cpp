// Replicated writes of a simulated node: what actors/cache does for the streams on the link.
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/cluster_process.hpp"

namespace troupe::sim {

void cluster_process::submit(std::uint32_t shard, const cache_command& c, time_point deadline, time_point now,
                             reply_callback done) {
  now_ = now;
  auto& held = stores_.at(shard);
  const auto r = held.replicate(c, now, channel_);
  owned_reply reply;
  reply.code = r.reply.code;
  reply.version = r.reply.version;
  reply.ttl = r.reply.ttl;
  reply.value.assign(r.reply.value);
  held.stream().hold(r.wait_for, std::move(reply), is_write(c), deadline, std::move(done));
  carry_out();
}

void cluster_process::wait(std::uint32_t shard, const cache_command& c, time_point until, time_point now,
                           reply_callback done) {
  now_ = now;
  stores_.at(shard).wait(c, now, until, std::move(done));
  carry_out();
}

bool cluster_process::restless() const {
  for (std::uint32_t s = 0; s < simulated_shards; ++s) {
    const auto& held = stores_.at(s);
    if (held.stream().restless() || !held.waiting().empty() || held.is_loading()) return true;
  }
  return false;
}

void cluster_process::tick_streams(time_point now) {
  streams_ticked_ = now;
  for (std::uint32_t s = 0; s < simulated_shards; ++s) {
    auto& held = stores_.at(s);
    held.tick_waiting(now);
    if (held.is_loading()) held.loads().on_tick(now);
    held.stream().on_tick(held.store(), now, channel_);
    held.stream().laggards(now, [&](std::uint64_t pid) {
      if (machine_) machine_->on_laggard(s, held.epoch(), pid, now, output_);
    });
  }
}

// What is for this node itself is handed over at once.
void cluster_process::carry_copies() {
  for (auto messages = copies_->take_messages(); !messages.empty(); messages = copies_->take_messages()) {
    const auto addresses = machine_->addresses_by_pid();
    for (const auto& [pid, bytes] : messages) {
      if (pid == machine_->pid())
        copies_->on_message(pid, bytes, now_ <= machine_->serve_until(), now_);
      else if (const auto to = addresses.find(pid); to != addresses.end())
        send_to(to->second, bytes);
      else
        copies_->on_lost(pid, now_);
    }
  }
}

void cluster_process::use(grain_truth* truth) {
  truth_ = truth;
  if (truth == nullptr) return;
  grains_ = std::make_unique<simulated_grains>(stores_, simulated_shards, *truth, rng_.fork());
  grains_->set_lease([this] { return machine_ ? machine_->serve_until() : time_point::min(); });
}

void cluster_process::use(reminder_truth* truth) {
  reminded_ = truth;
  if (truth == nullptr) return;
  reminders_ = std::make_unique<simulated_reminders>(self_, stores_, simulated_shards, *truth, rng_.fork());
  reminders_->set_lease([this] { return machine_ ? machine_->serve_until() : time_point::min(); });
}

void cluster_process::ask_grain(std::uint32_t grain, time_point now, simulated_grains::answer done) {
  now_ = now;
  grains_->ask(grain, now, std::move(done));
  carry_out();
}

void cluster_process::carry_grains() {
  grains_->follow(adopted_.now(), machine_->pid(), now_);
  for (auto messages = grains_->take_messages(); !messages.empty(); messages = grains_->take_messages()) {
    const auto addresses = machine_->addresses_by_pid();
    for (const auto& [pid, bytes] : messages) {
      if (const auto to = addresses.find(pid); to != addresses.end())
        send_to(to->second, bytes);
      else
        grains_->on_lost(pid);
    }
  }
}

void cluster_process::carry_streams() {
  if (!machine_) return;
  if (copies_) carry_copies();
  if (grains_) carry_grains();
  if (reminders_) reminders_->follow();
  const auto batches = channel_.take();
  if (!batches.empty()) {
    const auto addresses = machine_->addresses_by_pid();
    for (const auto& [pid, bytes] : batches) {
      if (const auto to = addresses.find(pid); to != addresses.end()) send_to(to->second, writes_tag + bytes);
    }
  }
  for (std::uint32_t s = 0; s < simulated_shards; ++s) {
    for (auto& c : stores_.at(s).waiting().take_called()) c.done(std::move(c.reply));
    if (auto* loads = stores_.at(s).loads_so_far()) {
      for (auto& c : loads->take_called()) c.done(std::move(c.reply));
    }
    if (!stores_.at(s).stream().has_ready()) continue;
    for (auto& r : stores_.at(s).stream().take_ready()) r.done(std::move(r.reply));
  }
}

void cluster_process::take_writes(std::uint64_t pid, std::string_view bytes) {
  const auto batch = read_batch::from(bytes);
  if (!batch || batch->sender != pid || pid == 0) return;
  answers_writer answers;
  for (const auto& item : batch->items) {
    auto& held = stores_.at(item.at.shard);
    std::vector<stream_entry> entries;
    for (const auto& e : item.entries) entries.push_back(e.entry);
    if (item.ask) {
      std::vector<std::pair<std::string, std::string>> kept;
      std::vector<stream_entry> beyond;
      auto a = held.stream().on_ask(pid, item.at, held.store(), now_, [&](const stream_entry& e) {
        kept.emplace_back(e.key, e.value);
        beyond.push_back(e);
      });
      for (std::size_t i = 0; i < beyond.size(); ++i) {
        beyond[i].key = kept[i].first;
        beyond[i].value = kept[i].second;
        a.entries.push_back({"default", beyond[i]});
      }
      answers.add(a);
    } else {
      answers.add(held.on_append(pid, item.at, entries, now_));
    }
  }
  const auto addresses = machine_->addresses_by_pid();
  const auto to = addresses.find(pid);
  if (to == addresses.end()) return;
  const auto send = [this, target = to->second, bytes = answers_tag + std::move(answers).finish()] {
    send_to(target, bytes);
  };
  journal_ ? journal_->when_settled(send) : send();
}

void cluster_process::take_answers(std::uint64_t pid, std::string_view bytes) {
  const auto read = read_answers::from(bytes);
  if (!read || pid == 0) return;
  for (const auto& a : read->answers) {
    std::vector<stream_entry> entries;
    for (const auto& e : a.entries) entries.push_back(e.entry);
    if (a.shard < simulated_shards) stores_.at(a.shard).on_answer(pid, a, entries, now_, channel_);
  }
}

}  // namespace troupe::sim
