#include "tests/sim/kvs_stage.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <utility>

#include <gtest/gtest.h>

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

constexpr const char* file_name = "kvs";
constexpr auto peers_interval = 1s;
constexpr auto request_limit = 2s;
const bool packets_traced = std::getenv("TROUPE_SIM_PACKETS") != nullptr;

std::string name_of(node_index n) { return "n" + std::to_string(n); }

std::optional<node_index> node_named(const std::string& name) {
  node_index n = 0;
  const auto* end = name.data() + name.size();
  if (name.size() < 2 || std::from_chars(name.data() + 1, end, n).ptr != end) return std::nullopt;
  return n;
}

}  // namespace

// --- a process

kvs_process::kvs_process(node_index self, std::uint32_t nodes, kvs_setup setup, outside& out, random rng, world*& w)
    : self_(self), nodes_(nodes), setup_(setup), out_(out), rng_(rng), w_(w) {}

void kvs_process::on_start(time_point now) {
  now_ = now;
  const auto found = out_.files().find(file_name);
  auto image = read_kvs_journal(found == out_.files().end() ? std::string() : found->second);
  if (!image) {
    w_->fail("node " + std::to_string(self_) + ": " + describe(image.error()));
    image = kvs_image{};
  }
  kvs_options o;
  o.self = name_of(self_);
  o.id = {rng_.next() | 1U, rng_.next()};
  o.runs = self_ < setup_.members;
  o.expected = setup_.members;
  o.memory_max = setup_.memory_max;
  machine_ = std::make_unique<kvs_machine>(o, std::move(*image), rng_.fork(), now);
  tell_peers(now);
  on_tick(now);
}

void kvs_process::tell_peers(time_point now) {
  peers_at_ = now + peers_interval;
  std::vector<kvs_peer> peers;
  for (node_index n = 0; n < nodes_; ++n) {
    if (n != self_ && !rng_.chance(setup_.false_alarms)) peers.push_back({name_of(n), n < setup_.members});
  }
  kvs_output o;
  machine_->on_peers(std::move(peers), now, o);
  carry_out(o);
}

time_point kvs_process::next_tick() const {
  return machine_ ? std::min(peers_at_, machine_->next_tick()) : time_point::max();
}

void kvs_process::on_tick(time_point now) {
  now_ = now;
  if (now >= peers_at_) tell_peers(now);
  kvs_output o;
  machine_->on_tick(now, o);
  carry_out(o);
  if (machine_->next_tick() <= now && machine_->next_tick() > time_point::min()) {
    kvs_output again;
    machine_->on_tick(now, again);
    const bool idle = !again.write && again.packets.empty() && again.results.empty();
    carry_out(again);
    if (idle && machine_->next_tick() <= now) w_->fail("node " + std::to_string(self_) + ": a tick that leads nowhere");
  }
}

void kvs_process::on_packet(node_index from, channel, std::string_view bytes, time_point now) {
  now_ = now;
  kvs_output o;
  machine_->on_message(name_of(from), bytes, now, o);
  carry_out(o);
}

void kvs_process::request(kvs_request r, time_point now, on_result done) {
  now_ = now;
  r.deadline = now + request_limit;
  waiting_[r.id] = std::move(done);
  kvs_output o;
  machine_->on_request(std::move(r), now, o);
  carry_out(o);
}

void kvs_process::carry_out(kvs_output& o) {
  if (o.write) {
    auto bytes = std::move(o.write->bytes);
    if (!o.write->whole) {
      const auto found = out_.files().find(file_name);
      if (found != out_.files().end()) bytes = found->second + bytes;
    }
    out_.write(file_name, std::move(bytes), [this, token = o.write->token] {
      kvs_output more;
      machine_->on_persisted(token, true, now_, more);
      carry_out(more);
    });
  }
  for (auto& p : o.packets) {
    const auto to = node_named(p.to);
    if (packets_traced) {
      const auto m = decode_kvs_message(p.bytes);
      if (m) {
        out_.trace(name_of(self_) + " to " + p.to + ": " + std::string(troupe::name_of(m->kind)) + " e" +
                   std::to_string(m->epoch) + " b" + std::to_string(m->ballot & 0xffffffffffU) + " '" + m->key +
                   (m->granted ? "' granted a" : "' a") + std::to_string(m->accepted & 0xffffffffffU) + " v" +
                   std::to_string(m->value.version & 0xffffffffffU) + " " + m->value.bytes.substr(0, 12));
      }
    }
    if (to) out_.send(*to, setup_.how, std::move(p.bytes));
  }
  for (const auto& line : o.news) out_.trace(name_of(self_) + ": " + line);
  for (const auto& r : o.results) {
    const auto found = waiting_.find(r.id);
    if (found == waiting_.end()) {
      w_->fail("an answer that nobody waits for");
      continue;
    }
    const auto done = std::move(found->second);
    waiting_.erase(found);
    done(r);
  }
}

// --- the stage

kvs_stage::kvs_stage(world_options options, kvs_setup given)
    : setup(given), w(options, [this](node_index n, std::uint32_t, outside& out, random rng) {
        return std::make_unique<kvs_process>(n, w.size(), setup, out, rng, self_);
      }) {
  self_ = &w;
}

const kvs_machine* kvs_stage::at(node_index n) const {
  const auto* p = w.process_of<kvs_process>(n);
  return p == nullptr ? nullptr : &p->machine();
}

bool kvs_stage::settled() const {
  for (node_index n = 0; n < setup.members; ++n) {
    if (at(n) == nullptr || !at(n)->group().serves()) return false;
    if (at(n)->group().roster() != at(0)->group().roster()) return false;
  }
  return true;
}

bool kvs_stage::empty() const {
  for (node_index n = 0; n < setup.members; ++n) {
    if (at(n) == nullptr || at(n)->cells().cells() > (at(n)->cells().find("") != nullptr ? 1U : 0U)) return false;
  }
  return true;
}

void kvs_stage::call(node_index n, kvs_request r, const kvs_process::on_result& done) {
  r.id = next_id_++;
  const auto index = history_.size();
  recorded entry;
  entry.key = r.key;
  entry.counts = r.op != kvs_op::get && r.op != kvs_op::list && r.op != kvs_op::is_alive;
  entry.ttl = r.ttl;
  entry.what.begin = w.now();
  auto& what = entry.what;
  if (r.op == kvs_op::put) what.value = r.value;
  what.what = register_operation::kind::write;
  if (r.condition == kvs_condition::absent || r.condition == kvs_condition::version) {
    what.what = register_operation::kind::write_if;
    if (r.condition == kvs_condition::version) what.expected = values_[r.key][r.version];
  }
  history_.push_back(std::move(entry));
  w.with_process(n, [&](process& p, time_point now) {
    static_cast<kvs_process&>(p).request(r, now, [this, index, r, done](const kvs_result& result) {
      record_result(index, r, result);
      if (done) done(result);
    });
  });
}

void kvs_stage::record_result(std::size_t index, const kvs_request& r, const kvs_result& result) {
  using kind = register_operation::kind;
  auto& entry = history_[index];
  auto& what = entry.what;
  const bool known = result.code == errc::ok || result.code == errc::not_found || result.code == errc::condition_failed;
  if (known)
    ++answered;
  else
    ++(result.code == errc::outcome_unknown ? unknown : refused);
  if (result.code == errc::outcome_unknown) return;
  entry.counts = known && r.op != kvs_op::list && r.op != kvs_op::is_alive;
  if (!entry.counts) return;
  what.end = w.now();
  if (r.op == kvs_op::get || result.code == errc::not_found) {
    what.what = kind::read;
    what.value = result.code == errc::ok ? std::optional(result.value) : std::nullopt;
  } else if (result.code == errc::condition_failed) {
    what.what = kind::write_if_missed;
  }
  if (result.code != errc::ok || result.version == 0) return;
  const auto& value = r.op == kvs_op::get ? result.value : r.value;
  const auto known_value = values_[r.key].emplace(result.version, value).first;
  if (known_value->second != value) w.fail("one version of " + r.key + " has two values");
}

std::optional<kvs_result> kvs_stage::ask(node_index n, kvs_request r, duration limit) {
  const auto end = w.now() + limit;
  std::optional<kvs_result> last;
  while (w.now() < end && !w.failed()) {
    auto got = std::make_shared<std::optional<kvs_result>>();
    call(n, r, [got](const kvs_result& result) { *got = result; });
    (void)w.run_until([&] { return got->has_value(); }, 3s);
    if (*got) last = **got;
    if (*got && ((*got)->code == errc::ok || (*got)->code == errc::not_found ||
                 (*got)->code == errc::condition_failed || (*got)->code == errc::out_of_memory)) {
      return last;
    }
  }
  return std::nullopt;
}

kvs_request kvs_stage::random_request(client_state& c, std::uint32_t keys) {
  kvs_request r;
  r.key = "k" + std::to_string(w.rng().below(keys));
  const auto seen = c.seen.find(r.key);
  const auto dice = w.rng().below(100);
  if (dice < 35) return r;
  if (dice < 50) {
    r.op = kvs_op::erase;
    if (dice < 43 && seen != c.seen.end()) {
      r.condition = kvs_condition::version;
      r.version = seen->second.first;
    }
    return r;
  }
  r.op = kvs_op::put;
  r.value = "v" + std::to_string(next_value_++);
  if (dice < 65) r.condition = kvs_condition::absent;
  if (dice >= 65 && dice < 85 && seen != c.seen.end()) {
    r.condition = kvs_condition::version;
    r.version = seen->second.first;
  }
  if (dice % 7 == 0) r.ttl = w.rng().between(300ms, 4s);
  return r;
}

void kvs_stage::run_client(std::uint32_t number, std::uint32_t keys, duration until) {
  while (clients_.size() <= number) clients_.push_back(std::make_shared<client_state>());
  w.after(w.rng().between(5ms, 250ms), [this, number, keys, until] {
    if (w.now() > until) return;
    const auto n = static_cast<node_index>(w.rng().below(w.size()));
    auto& c = clients_[number];
    auto r = random_request(*c, keys);
    auto over = std::make_shared<bool>(false);
    const auto next = [this, number, keys, until, over] {
      if (!std::exchange(*over, true)) run_client(number, keys, until);
    };
    w.after(request_limit + 500ms, next);  // the node may crash, or be stopped
    if (!w.running(n)) return;
    call(n, r, [c, key = r.key, value = r.value, next](const kvs_result& result) {
      if (result.code == errc::ok && result.version != 0)
        c->seen[key] = {result.version, result.value.empty() ? value : result.value};
      next();
    });
  });
}

// What has a time to live may be gone from its end on: a deletion that may happen at any time after it, or never.
void kvs_stage::check_histories() {
  std::map<std::string, std::vector<register_operation>> by_key;
  for (const auto& entry : history_) {
    if (!entry.counts) continue;
    by_key[entry.key].push_back(entry.what);
    if (entry.ttl <= duration::zero()) continue;
    register_operation over;
    over.what = register_operation::kind::write_if;
    over.expected = entry.what.value;
    over.begin = entry.what.begin + entry.ttl;
    by_key[entry.key].push_back(over);
  }
  for (auto& [key, history] : by_key) {
    const auto wrong = explain_history(std::move(history));
    if (!wrong.empty()) w.fail("key " + key + ": " + wrong);
  }
}

}  // namespace troupe::sim
