#include "runtime/journal/persistent_stream.hpp"

#include <algorithm>
#include <utility>

#include "runtime/journal/journal_statements.hpp"

namespace troupe {
namespace {

// The same question may have another answer soon.
bool may_pass(errc code) {
  return code == errc::unavailable || code == errc::deadline_exceeded || code == errc::conflict ||
         code == errc::outcome_unknown || code == errc::storage_failed;
}

error about(const std::string& stream, const error& e) { return {e.code, "stream " + stream + ": " + describe(e)}; }

}  // namespace

persistent_stream::persistent_stream(persistent_stream_settings s, folded_state& state)
    : settings_(std::move(s)), state_(state) {}

void persistent_stream::end(error why) {
  why_ = std::move(why);
  doing_ = doing::ended;
}

// ---- replay ----

void persistent_stream::begin(time_point now) {
  since_ = now;
  wait_ = {};
  doing_ = doing::load;
}

bool persistent_stream::waits_again(errc code, duration limit, time_point now) {
  if (!may_pass(code) || now - since_ >= limit) return false;
  wait_ = wait_ == duration::zero() ? settings_.wait_first : std::min(2 * wait_, settings_.wait_most);
  after_wait_ = doing_;
  doing_ = doing::wait;
  return true;
}

void persistent_stream::on_waited() {
  if (doing_ == doing::wait) doing_ = after_wait_;
}

void persistent_stream::on_start(expected<stream_start> start, time_point now) {
  if (doing_ != doing::load) return;
  if (!start) {
    if (!waits_again(start.error().code, settings_.replay_for, now)) end(about(settings_.stream, start.error()));
    return;
  }
  wait_ = {};
  target_ = start->version;
  version_ = start->base;
  snapshot_ = start->snapshot ? start->base : 0;
  state_.reset();
  if (start->snapshot) {
    if (auto restored = state_.restore(*start->snapshot); !restored)
      return end({restored.error().code, "stream " + settings_.stream + ": snapshot of event " +
                                             std::to_string(start->base) + ": " + describe(restored.error())});
  }
  doing_ = doing::read;
  if (version_ >= target_) finish_replay();
}

void persistent_stream::on_page(const expected<std::vector<stored_event>>& page, time_point now) {
  if (doing_ != doing::read) return;
  if (!page) {
    if (!waits_again(page.error().code, settings_.replay_for, now)) end(about(settings_.stream, page.error()));
    return;
  }
  wait_ = {};
  if (page->empty()) return reload(now);
  for (const auto& e : *page) {
    if (e.version != version_ + 1) return reload(now);
    if (auto applied = state_.apply(e.event); !applied)
      return end({applied.error().code, "stream " + settings_.stream + ": event " + std::to_string(e.version) + ": " +
                                            describe(applied.error())});
    version_ = e.version;
    ++replayed_;
  }
  if (version_ >= target_) finish_replay();
}

void persistent_stream::reload(time_point now) {
  if (++reloads_ > reloads_max || now - since_ >= settings_.replay_for)
    return end({errc::corrupt, "stream " + settings_.stream + ": event " + std::to_string(version_ + 1) +
                                   " is not there, but it has " + std::to_string(target_)});
  doing_ = doing::load;
}

void persistent_stream::finish_replay() {
  was_ready_ = true;
  doing_ = doing::ready;
}

// ---- storing ----

expected<void> persistent_stream::persist(std::vector<journal_event> events, std::string id, time_point now) {
  if (doing_ == doing::ended) return fail(errc::unavailable, "it is over: " + describe(why_));
  if (!was_ready_) return fail(errc::unavailable, "its events are not read yet");
  if (waiting_.size() >= waiting_max) return fail(errc::unavailable, "too many events wait to be stored");
  stream_append a{settings_.stream, version_, std::move(events), std::move(id)};
  if (auto sound = check_append(a); !sound) return sound;
  waiting_.push_back(std::move(a));
  if (doing_ == doing::ready) append_next(now);
  return {};
}

void persistent_stream::append_next(time_point now) {
  doing_ = doing::ready;
  if (waiting_.empty()) return;
  waiting_.front().expected_version = version_;
  since_ = now;
  wait_ = {};
  unsure_ = false;
  doing_ = doing::append;
}

std::optional<expected<void>> persistent_stream::on_appended(const expected<appended>& outcome, time_point now) {
  if (doing_ != doing::append) return std::nullopt;
  expected<void> told;
  if (outcome) {
    told = settle(*outcome);
  } else {
    auto why = about(settings_.stream, outcome.error());
    if (why.code == errc::outcome_unknown) unsure_ = true;
    // The same append again: it is done once, and its answer says what became of the first one.
    if (unsure_ && waits_again(why.code, settings_.settle_for, now)) return std::nullopt;
    // Also after condition_failed: it may have been done, and its events truncated since with others behind them.
    if (unsure_) why.code = errc::outcome_unknown;
    if (why.code == errc::condition_failed || why.code == errc::outcome_unknown) end(why);
    told = tl::unexpected<error>(std::move(why));
  }
  waiting_.pop_front();
  if (doing_ != doing::ended) append_next(now);
  return told;
}

expected<void> persistent_stream::settle(const appended& a) {
  for (const auto& e : waiting_.front().events) {
    if (auto applied = state_.apply(e); !applied) {
      end({errc::outcome_unknown, "stream " + settings_.stream + ": stored, but " + describe(applied.error())});
      return tl::unexpected<error>(why_);
    }
  }
  version_ = a.version;
  return {};
}

std::size_t persistent_stream::take_unsettled() {
  if (doing_ != doing::ended) return 0;
  return std::exchange(waiting_, {}).size();
}

bool persistent_stream::take_snapshot_due() noexcept {
  if (settings_.snapshot_every == 0 || doing_ == doing::ended || version_ < snapshot_ + settings_.snapshot_every)
    return false;
  snapshot_ = version_;
  return true;
}

}  // namespace troupe
