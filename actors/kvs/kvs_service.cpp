#include "actors/kvs/kvs_service.hpp"

#include <utility>

namespace troupe {

kvs_service::kvs_service(surroundings s)
    : with_(std::move(s)), slot_(std::make_shared<child_slot>()), in_(slot_, with_.loop), clock_(with_.loop) {
  if (with_.settings.has_service("kvs")) file_ = std::make_unique<kvs_file>(with_.data_dir + "/kvs");
}

kvs_service::~kvs_service() { stop(); }

expected<std::unique_ptr<kvs_machine>> kvs_service::make_machine() {
  kvs_image image;
  if (file_) {
    auto read = file_->read();
    if (!read) return tl::unexpected(std::move(read.error()));
    image = std::move(*read);
    if (image.torn) with_.log.warn("kvs", "torn_write_dropped", {{"effect", "none: it was never answered"}});
  }
  const auto& c = with_.settings;
  kvs_options o;
  o.self = c.node.name;
  o.id = with_.id;
  o.runs = file_ != nullptr;
  o.expected = c.kvs.expected_members != 0 ? c.kvs.expected_members : c.cluster.expected_members;
  o.memory_max = c.kvs.memory_max;
  // A machine that is made anew is another proposer: answers to the old one are none.
  random rng(with_.seed++);
  o.id = {with_.id.high ^ rng.next(), with_.id.low ^ rng.next()};
  return std::make_unique<kvs_machine>(o, std::move(image), rng, std::chrono::steady_clock::now());
}

kvs_ports kvs_service::ports() {
  return {
      .in = in_,
      .clock = clock_,
      .file = file_.get(),
      .board = with_.board,
      .self = with_.settings.node.name,
      .generation = ++generation_,
      .send =
          [this](const member& to, const std::string& bytes) {
            with_.send({to.address, to.id}, bytes);
          },
      .answer = [this](std::vector<kvs_result> results) { answer(std::move(results)); },
      .show = [this](const kvs_status& s) { show(s); },
      .tell =
          [this](const std::string& line) {
            with_.log.info("kvs", "kvs_changed", {{"what", line}});
          },
      .on_write_failed =
          [this](const error& why) {
            ++write_failures_;
            with_.log.error("kvs", "write_failed", {{"reason", describe(why)}});
          },
  };
}

expected<child_spec> kvs_service::make_actor() {
  if (auto ticking = clock_.start([this] { (void)in_.push(kvs_alarm_rang{}); }); !ticking)
    return tl::unexpected(std::move(ticking.error()));
  auto first = make_machine();
  if (!first) return tl::unexpected(std::move(first.error()));
  auto spawn = [this, ready = std::make_shared<expected<std::unique_ptr<kvs_machine>>>(std::move(first))](
                   caf::actor_system& system) {
    auto machine = std::exchange(*ready, fail(errc::unavailable));
    if (!machine) {
      fail_all("the kvs actor was started anew");
      machine = make_machine();
    }
    if (!machine) with_.log.error("kvs", "machine_refused", {{"reason", describe(machine.error())}});
    return caf::actor(system.spawn<kvs_actor>(machine ? std::move(*machine) : nullptr, ports()));
  };
  return child_spec{"kvs", std::move(spawn), slot_};
}

void kvs_service::start() {
  listener_ = with_.events.listen([this](const std::shared_ptr<const event>& e) {
    if (e->kind.starts_with("member")) (void)in_.push(kvs_members_changed{});
  });
}

void kvs_service::on_link(const peer_identity& from, std::string_view bytes) {
  if (bytes.size() > kvs_message_bytes_max || !in_.push(kvs_message_arrived{from.name, std::string(bytes)})) ++dropped_;
}

void kvs_service::stop() {
  if (listener_ != 0) with_.events.unlisten(std::exchange(listener_, 0));
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(stopped_, true)) return;
  }
  clock_.close();
  fail_all("the node stops");
  if (file_) file_->stop();
}

// --- requests

void kvs_service::ask(kvs_request r, callback done) {
  kvs_result refused;
  refused.code = errc::unavailable;
  {
    const std::lock_guard lock(mutex_);
    if (!stopped_) {
      r.id = next_id_++;
      const auto id = r.id;
      waiting_.emplace(id, std::move(done));
      if (in_.push(kvs_asked{std::move(r)})) return;
      done = std::move(waiting_.extract(id).mapped());
      refused.context = "too many requests wait";
    } else {
      refused.context = "the node stops";
    }
  }
  done(std::move(refused));
}

void kvs_service::answer(std::vector<kvs_result> results) {
  for (auto& r : results) {
    callback done;
    {
      const std::lock_guard lock(mutex_);
      const auto found = waiting_.find(r.id);
      if (found == waiting_.end()) continue;
      done = std::move(found->second);
      waiting_.erase(found);
    }
    done(std::move(r));
  }
}

void kvs_service::fail_all(const char* why) {
  std::map<std::uint64_t, callback> all;
  {
    const std::lock_guard lock(mutex_);
    all.swap(waiting_);
  }
  for (auto& [id, done] : all) {
    kvs_result r;
    r.id = id;
    r.code = errc::outcome_unknown;
    r.context = why;
    done(std::move(r));
  }
}

// --- what is seen of it

void kvs_service::show(const kvs_status& s) {
  {
    const std::lock_guard lock(mutex_);
    status_ = s;
    if (s.fault == fault_shown_) return;
    fault_shown_ = s.fault;
  }
  with_.on_health(s.fault);
}

kvs_status kvs_service::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void kvs_service::register_metrics(metrics& m) {
  const auto number = [this](std::uint64_t kvs_status::*field) {
    return [this, field] { return static_cast<double>(status().*field); };
  };
  m.read_gauge("troupe_kvs_keys_count", "Keys that this kvs member holds", {}, number(&kvs_status::keys));
  m.read_gauge("troupe_kvs_tombstones_count", "Deleted keys that some kvs member may still hold", {},
               number(&kvs_status::tombstones));
  m.read_gauge("troupe_kvs_memory_bytes", "Memory of this kvs member's keys", {}, number(&kvs_status::bytes));
  m.read_counter("troupe_kvs_refused_full_total", "Ballots refused for want of memory", {},
                 number(&kvs_status::refused_full));
  m.read_counter("troupe_kvs_malformed_total", "Messages of others that could not be read", {},
                 number(&kvs_status::malformed));
  using counters = kvs_proposer::counters;
  const auto count = [this](std::uint64_t counters::*field) {
    return [this, field] { return static_cast<double>(status().requests.*field); };
  };
  const char* requests = "Requests to the key-value service by their end";
  m.read_counter("troupe_kvs_requests_total", requests, {{"outcome", "done"}}, count(&counters::done));
  m.read_counter("troupe_kvs_requests_total", requests, {{"outcome", "missed"}}, count(&counters::missed));
  m.read_counter("troupe_kvs_requests_total", requests, {{"outcome", "unknown"}}, count(&counters::unknown));
  m.read_counter("troupe_kvs_requests_total", requests, {{"outcome", "not_done"}}, count(&counters::not_done));
  m.read_counter("troupe_kvs_rounds_total", "Rounds of messages to the kvs members", {}, count(&counters::rounds));
  m.read_counter("troupe_kvs_rounds_lost_total", "Rounds that another ballot overtook", {},
                 count(&counters::lost_rounds));
  m.read_counter("troupe_kvs_collected_total", "Deleted keys that all kvs members were told to forget", {},
                 count(&counters::collected));
  m.read_counter("troupe_kvs_repaired_total", "Values that not all kvs members had", {}, count(&counters::repaired));
  m.read_counter("troupe_kvs_inbox_dropped_total", "Messages dropped because the kvs actor was behind", {},
                 [this] { return static_cast<double>(dropped_.load()); });
  m.read_counter("troupe_kvs_write_failures_total", "Writes to the kvs file that failed", {},
                 [this] { return static_cast<double>(write_failures_.load()); });
}

}  // namespace troupe
