#include "actors/cluster/cluster_calls.hpp"

#include <memory>
#include <utility>

#include "actors/cluster/cluster_actor.hpp"

namespace troupe {

template <class Result>
void cluster_calls::call(callback<Result> done,
                         std::function<expected<Result>(cluster_machine&, time_point, cluster_output&)> run) {
  const auto shared = std::make_shared<callback<Result>>(std::move(done));
  const bool taken =
      in_.push(call_asked{[shared, run = std::move(run)](cluster_machine& machine, time_point now,
                                                         cluster_output& out) { (*shared)(run(machine, now, out)); }});
  if (!taken) (*shared)(fail(errc::unavailable, "this node is too busy"));
}

void cluster_calls::change_tags(membership::tag_change change, callback<tags> done) {
  call<tags>(std::move(done), [change = std::move(change)](cluster_machine& m, time_point now, cluster_output& out) {
    return m.change_tags(change, now, out);
  });
}

void cluster_calls::change_services(cluster_machine::offer o, std::function<void(expected<void>)> done) {
  call<void>(std::move(done), [o = std::move(o)](cluster_machine& m, time_point now, cluster_output& out) {
    return m.change_services(o, now, out);
  });
}

void cluster_calls::raise_event(std::string name, std::string payload, callback<std::uint64_t> done) {
  call<std::uint64_t>(std::move(done), [name = std::move(name), payload = std::move(payload)](
                                           cluster_machine& m, time_point now, cluster_output& out) {
    return m.raise_event(name, payload, now, out);
  });
}

void cluster_calls::round_trip(std::string a, std::string b, callback<duration> done) {
  call<duration>(std::move(done), [a = std::move(a), b = std::move(b)](cluster_machine& m, time_point,
                                                                       cluster_output&) { return m.round_trip(a, b); });
}

void cluster_calls::transfer(std::string name, callback<handed_over> done) {
  const auto shared = std::make_shared<callback<handed_over>>(std::move(done));
  const auto run = [this, shared, name = std::move(name)](cluster_machine& m, time_point now, cluster_output& out) {
    const auto before = m.lead().leader_now();
    std::erase_if(transfers_, [now](const auto& t) { return t.until < now; });  // the asker has given up
    if (const auto begun = m.transfer(name, now, out); !begun) return (*shared)(tl::unexpected(begun.error()));
    transfers_.push_back(
        {name, before ? before->who : member_ref{}, before ? before->term : 0, std::move(*shared), now + transfer_max});
  };
  if (!in_.push(call_asked{run})) (*shared)(fail(errc::unavailable, "this node is too busy"));
}

void cluster_calls::end_transfers(const cluster_output& out, const cluster_machine& machine) {
  if (transfers_.empty()) return;
  const auto& leader = machine.lead().leader_now();
  std::erase_if(transfers_, [&](waiting_transfer& t) {
    if (leader && leader->term > t.term) {
      const bool wanted = t.name.empty() ? leader->who != t.from : leader->who.name == t.name;
      t.done(wanted ? expected<handed_over>(handed_over{leader->who.name, leader->term})
                    : fail(errc::unavailable, leader->who.name + " leads instead"));
      return true;
    }
    if (out.transfer_fault) t.done(fail(errc::unavailable, *out.transfer_fault));
    return out.transfer_fault.has_value();
  });
}

void cluster_calls::publish_lease(const cluster_machine& machine, time_point now) {
  const auto& lead = machine.lead();
  const auto& leader = lead.leader_now();
  const bool leads = leader && lead.may_act(now);
  lease_->publish(leads ? leader->term : 0, leads ? lead.lease_end() : time_point{});
  election_.publish(lead, now);
}

void cluster_calls::ask(query q, callback<query_result> done) {
  const auto shared = std::make_shared<callback<query_result>>(std::move(done));
  const auto run = [this, shared, q = std::move(q)](cluster_machine& m, time_point now, cluster_output& out) {
    const auto time = m.ask(q, now, out);
    if (!time) return (*shared)(tl::unexpected(time.error()));
    const std::lock_guard lock(mutex_);
    std::erase_if(asking_, [now](const auto& a) { return a.second.until < now; });  // of an actor before this one
    asking_[*time] = {std::move(*shared), now + q.timeout + answer_grace};
  };
  if (!in_.push(call_asked{run})) (*shared)(fail(errc::unavailable, "this node is too busy"));
}

void cluster_calls::on_asked(asked_callback f) {
  const std::lock_guard lock(mutex_);
  asked_ = std::move(f);
}

void cluster_calls::answer(const membership::announcement_id& id, std::optional<std::string> payload) {
  (void)in_.push(
      call_asked{[id, payload = std::move(payload)](cluster_machine& m, time_point now, cluster_output& out) {
        m.answer_query(id, payload, now, out);
      }});
}

void cluster_calls::take(cluster_output& out, const cluster_machine& machine) {
  publish(machine);
  end_transfers(out, machine);
  locks_.take(out, machine);
  for (auto& f : out.finished) {
    callback<query_result> done;
    {
      const std::lock_guard lock(mutex_);
      const auto at = asking_.find(f.time);
      if (at == asking_.end()) continue;
      done = std::move(at->second.done);
      asking_.erase(at);
    }
    done(std::move(f.result));
  }
  if (out.asked.empty()) return;
  asked_callback handle;
  {
    const std::lock_guard lock(mutex_);
    handle = asked_;
  }
  for (auto& a : out.asked) {
    if (handle) {
      handle(std::move(a));
    } else {
      answer(a.id, std::nullopt);
    }
  }
}

void cluster_calls::publish(const cluster_machine& machine) {
  const auto put = [this](number n, std::uint64_t value) { numbers_[n].store(value, std::memory_order_relaxed); };
  const auto& talk = machine.talk();
  const auto& heard = talk.said().counts();
  put(said, heard.said);
  put(delivered, heard.delivered);
  put(duplicates, heard.duplicates);
  put(refused_rate, heard.refused_rate);
  put(dropped, heard.dropped_old + heard.dropped_ahead + heard.dropped_full);
  put(late, heard.late);
  put(caught_up, heard.caught_up);
  put(malformed, talk.counts().malformed);
  put(answered, talk.counts().queries_answered);
  put(answers_in, talk.counts().answers_in);
  put(samples, talk.places().counts().samples);
  put(refused_samples, talk.places().counts().refused);
}

void cluster_calls::register_metrics(metrics& m) {
  election_.register_metrics(m);
  locks_.register_metrics(m);
  const auto read = [&](number n, const char* name, const char* help) {
    m.read_counter(name, help, {},
                   [&value = numbers_[n]] { return static_cast<double>(value.load(std::memory_order_relaxed)); });
  };
  read(said, "troupe_talk_said_total", "User events and queries of this node");
  read(delivered, "troupe_talk_delivered_total", "User events and queries delivered here");
  read(duplicates, "troupe_talk_duplicates_total", "Copies of known ones that gossip brought");
  read(refused_rate, "troupe_talk_refused_rate_total", "Refused because this node said too much");
  read(dropped, "troupe_talk_dropped_total", "Dropped: too old, beyond belief, or too many at one time");
  read(late, "troupe_talk_late_total", "User events delivered after a later one of the same node");
  read(caught_up, "troupe_talk_caught_up_total", "User events sent to members that had missed them");
  read(malformed, "troupe_talk_malformed_total", "What rode on a packet and could not be read");
  read(answered, "troupe_query_answered_total", "Queries that this node answered");
  read(answers_in, "troupe_query_answers_total", "Answers to queries of this node");
  read(samples, "troupe_coordinate_samples_total", "Round trips that moved this node's coordinate");
  read(refused_samples, "troupe_coordinate_refused_total", "Coordinates and round trips that were not believed");
}

}  // namespace troupe
