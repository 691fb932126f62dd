#include "gateways/resp/shard_walk.hpp"

#include <numeric>
#include <utility>

namespace troupe::resp {

std::vector<std::uint32_t> all_shards(const environment& e) {
  std::vector<std::uint32_t> shards(e.caches.shards());
  std::iota(shards.begin(), shards.end(), 0u);
  return shards;
}

void shard_walk::run(connection& c, std::unique_ptr<shard_walk> walk) {
  auto& started = *walk;
  c.hold();
  const auto slot = c.open_slot(std::move(walk));
  if (started.go(c, slot)) c.finish(slot);
}

// Answers may come from inside submit(): then the loop that asked takes them.
bool shard_walk::on_answer(connection& c, std::uint64_t slot, owned_reply answer) {
  arrived_.push_back(std::move(answer));
  return !going_ && go(c, slot);
}

bool shard_walk::go(connection& c, std::uint64_t slot) {
  going_ = true;
  while (!arrived_.empty() || has_work()) {
    if (!arrived_.empty()) {
      const auto answer = std::move(arrived_.front());
      arrived_.pop_front();
      --open_;
      if (answer.version == turn_over)
        resting_ = false;
      else
        settle(static_cast<std::uint32_t>(answer.version), answer.code, answer.value, answer.context);
      continue;
    }
    ask_next(c, slot);
  }
  going_ = false;
  return open_ == 0;
}

bool shard_walk::has_work() const {
  if (resting_ || failed_ != errc::ok || enough() || open_ >= at_a_time()) return false;
  return !again_.empty() || next_ < shards_.size();
}

void shard_walk::ask_next(connection& c, std::uint64_t slot) {
  auto& e = c.shared();
  if (parts_ == turn_parts_max && e.clients != nullptr) {
    parts_ = 0;
    resting_ = true;
    ++open_;
    e.clients->visit(c.gate().group(), [done = c.gate().callback_for(slot)](client_group&) {
      owned_reply rested;
      rested.version = turn_over;
      done(std::move(rested));
    });
    return;
  }
  std::uint32_t shard = 0;
  if (again_.empty()) {
    shard = shards_[next_++];
  } else {
    shard = again_.front();
    again_.pop_front();
  }
  std::string words;
  auto command = c.command_on(cache_op::run, e.caches.key_in_shard(shard));
  command.procedure = ask(shard, words);
  command.value = words;
  errc code = errc::ok;
  std::string part;
  const bool here = e.caches.try_now(command, c.now(), [&](const cache_reply& r) {
    code = r.code;
    part = r.value;
  });
  if (here) {
    ++parts_;
    return settle(shard, code, part, {});
  }
  ++open_;
  c.submit_marked(slot, command, shard);
}

void shard_walk::settle(std::uint32_t shard, errc code, std::string_view part, std::string_view context) {
  bool more = false;
  if (code == errc::ok && !take(shard, part, more)) {
    code = errc::corrupt;
    context = "a shard's answer cannot be read";
  }
  if (more) again_.push_back(shard);
  if (code == errc::ok || failed_ != errc::ok) return;
  failed_ = code;
  context_ = context;
}

void shard_walk::write(reply_writer& w) {
  if (failed_ != errc::ok) return w.error(failed_, context_);
  write_result(w);
}

}  // namespace troupe::resp
